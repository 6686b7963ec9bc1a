// Upstreams by name, on the kernel's network.
#include <mutex>

#include "loopback/fixture.h"
#include "support/swallower.h"

namespace tidegate::loopback {

namespace {

std::string config_of(const std::string& host, const std::string& settings = "") {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0")
      .upstream("up", R"(endpoints: ["{UP}"])")
      .upstream("named", "endpoints: [\"http://" + host + ":{UP_PORT}\"]" + settings)
      .route("up", "match: {path: /up}, upstream: up")
      .route("named", "match: {path: /*}, upstream: named");
}

nlohmann::json status_of_name(Fixture& fixture) {
  const nlohmann::json status = fixture.admin("/api/status").json();
  for (const nlohmann::json& upstream : status.at("upstreams")) {
    const nlohmann::json& endpoint = upstream.at("endpoints")[0];
    if (upstream.at("name") == "named") return endpoint.at("name");
    CHECK(endpoint.at("name").is_null());  // an address
  }
  return {};
}

}  // namespace

TEST_CASE("an upstream one of whose addresses swallows connects responds to every request") {
  Fixture fixture(config_of("two.test", ", max_idle_connections: 0"), [](const std::string&) {
    return net::Addresses{*IpAddress::parse("127.0.0.2"), *IpAddress::parse("127.0.0.1")};
  });
  const test::Swallower swallower("127.0.0.2", fixture.upstream.port());
  for (int i = 0; i < 4; ++i) CHECK(fixture.ask(get("/")).status == 200);
  CHECK(fixture.metric("tidegate_upstream_lookups_total", {"named", "found"}) >= 1);
  const nlohmann::json name = status_of_name(fixture);
  // The silent address has had the name looked up again.
  CHECK((name.at("state") == "fresh" || name.at("state") == "refreshing"));
  CHECK(name.at("addresses") == nlohmann::json({"127.0.0.2", "127.0.0.1"}));
  CHECK(name.at("resolved_at").is_string());
  CHECK(name.at("last_error").is_null());
}

TEST_CASE("an absolute name is looked up with its dot, and sent without it") {
  std::mutex mutex;
  std::string asked;
  Fixture fixture(config_of("svc.cluster.local."), [&](const std::string& host) {
    const std::lock_guard lock(mutex);
    asked = host;
    return net::Addresses{*IpAddress::parse("127.0.0.1")};
  });
  CHECK(fixture.ask("GET /x HTTP/1.0\r\n\r\n").status == 200);
  {
    const std::lock_guard lock(mutex);
    CHECK(asked == "svc.cluster.local.");
  }
  REQUIRE(fixture.upstream.seen.size() == 1);
  CHECK(fixture.upstream.seen[0].field("host") == "svc.cluster.local:" + std::to_string(fixture.upstream.port()));
}

TEST_CASE("a name that is not found is a connect_failure with the reason, and other upstreams respond") {
  Fixture fixture(config_of("nowhere.test"), [](const std::string& host) {
    return Error{ErrorCode::not_found, "resolve " + host + ": no such name"};
  });
  CHECK(fixture.ask(get("/")).status == 502);
  CHECK(fixture.ask(get("/up")).status == 200);
  REQUIRE(fixture.logged("connect_failure").size() == 1);
  const nlohmann::json name = status_of_name(fixture);
  CHECK(name.at("state") == "failed");
  CHECK(name.at("addresses").empty());
  CHECK(name.at("last_error") == "resolve nowhere.test: no such name");
  const std::string reason = fixture.logged("connect_failure")[0].at("reason");
  CHECK(reason.find("resolve nowhere.test: no such name") != reason.npos);
}

}  // namespace tidegate::loopback
