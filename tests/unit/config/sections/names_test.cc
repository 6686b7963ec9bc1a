// Endpoints that are names, and how they are looked up.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

std::string named_upstream(const std::string& endpoints, const std::string& settings = "") {
  return "upstreams: {u: {endpoints: [" + endpoints + "]" + settings +
         "}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, match: {path: /}, upstream: u}]}]\n";
}

}  // namespace

TEST_CASE("how names are looked up is read") {
  const auto result = load(named_upstream("'http://h'", ", dns: {refresh: 31s, stale: 2h}"));
  REQUIRE(result.config);
  CHECK(result.config->upstreams.at("u").dns.refresh == 31s);
  CHECK(result.config->upstreams.at("u").dns.stale == 2h);
}

TEST_CASE("a name may end with a dot, which is looked up and not shown") {
  const auto result = load(named_upstream("'http://svc.cluster.local.:8080', 'http://H.', 'http://a'"));
  REQUIRE(result.config);
  const auto& endpoints = result.config->upstreams.at("u").endpoints;
  CHECK(endpoints[0].host == "svc.cluster.local.");
  CHECK(endpoints[0].authority == "svc.cluster.local:8080");
  CHECK(endpoints[0].port == 8080);
  CHECK(endpoints[1].authority == "H:80");
  CHECK(endpoints[2].host == "a");
  for (const char* bad : {"http://.", "http://a..", "http://..", "http://127.0.0.1.", "http://1.", "http://.a."}) {
    CAPTURE(bad);
    CHECK(errors_of(named_upstream("'" + std::string(bad) + "'")).find("has no valid host") != std::string::npos);
  }
  CHECK(errors_of(named_upstream("'http://a', 'http://a.'")) ==
        "t.yaml:1:28: upstreams.u.endpoints: duplicate entry `a:80`");
}
