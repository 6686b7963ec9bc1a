// The path that a route matches is the one that its upstream gets, its job stores and the log shows.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

std::string path_config(const std::string& rules) {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0" + rules)
      .upstream("up", "endpoints: [\"{UP}\"]")
      .queue("jobs", "url: \"sqlite://{DIR}/jobs.db\"")
      .route("one", "match: {path: /optimize}, upstream: up, rate_limit: {rate: 1/h, burst: 1}")
      .route("job", "match: {path: /later, methods: [POST]}, upstream: up, fallback: {enqueue: {queue: jobs}}")
      .route("rest", "match: {path: /*}, upstream: up");
}

constexpr const char* kDodges[] = {"/%6fptimize",
                                   "/./optimize",
                                   "//optimize",
                                   "/x/../optimize",
                                   "/x/%2e%2E/optimize",
                                   "/%2e/optimize",
                                   "//..//optimize",
                                   "/../optimize",
                                   "/x//../optimize",
                                   "/x/y/../../optimize",
                                   "http://example/./optimize",
                                   "http://example//optimize"};

}  // namespace

TEST_CASE("a client cannot dodge a route's limit by another spelling of its path") {
  Fixture fixture(path_config(""));
  CHECK(fixture.ask(get("/optimize")).status == 200);
  for (const char* dodge : kDodges) {
    CAPTURE(dodge);
    CHECK(fixture.ask(get(std::string(dodge) + "?a=/../%61")).status == 429);
  }
  CHECK(fixture.upstream.seen.size() == 1);
  CHECK(fixture.logged("rate_limited").back()["target"] == "/optimize?a=");
}

TEST_CASE("an upstream gets the path that the route has matched, with the query as it came") {
  Fixture fixture(path_config(""));
  CHECK(fixture.ask(get("/a?q=%zz")).status == 400);
  CHECK(fixture.ask(get("/a/./%7eb//..//%c3%a4/?q=%61//./|{}")).status == 200);
  CHECK(fixture.upstream.seen.back().target == "/a/%C3%A4/?q=%61//./|{}");
  CHECK(fixture.ask(get("/a|b^[c]")).status == 200);
  CHECK(fixture.upstream.seen.back().target == "/a|b^[c]");
  CHECK(fixture.ask(get("/a%2f..%5Cb")).status == 200);
  CHECK(fixture.upstream.seen.back().target == "/a%2F..%5Cb");
}

TEST_CASE("a job stores the path that its route has matched, and is found under any spelling of its own") {
  Fixture fixture(path_config(""));
  const Reply accepted = fixture.ask(post("/x/..//l%61ter?n=%37", "body", "Prefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  const std::string url = accepted.field("location");
  CHECK(fixture.ask(get("/." + url)).status == 200);
  CHECK(fixture.ask(get("/optimize/.." + url)).status == 200);
  CHECK(fixture.ask(get("/%5fjobs/" + url.substr(7))).status == 200);
  CHECK(fixture.upstream.seen.empty());
  fixture.start_replaying();
  fixture.until_status(accepted.json()["job_id"], "succeeded");
  CHECK(fixture.upstream.seen.at(0).target == "/later?n=%37");
}

TEST_CASE("reject refuses what is not normal, off takes it byte for byte, on the route and upstream alike") {
  Fixture strict(path_config(", path_normalization: reject, encoded_slashes: reject"));
  for (const char* dodge : kDodges) {
    CAPTURE(dodge);
    const Reply reply = strict.ask(get(dodge));
    CHECK(reply.status == 400);
    CHECK(reply.json()["detail"].get<std::string>().find("path_normalization") != std::string::npos);
  }
  CHECK(strict.ask(get("/a%2Fb")).status == 400);
  CHECK(strict.ask(get("/a?%2f//")).status == 200);
  Fixture raw(path_config(", path_normalization: off"));
  CHECK(raw.ask(get("/./optimize//%61")).status == 200);
  CHECK(raw.upstream.seen.back().target == "/./optimize//%61");
}

TEST_CASE("the admin interface knows its paths in one spelling only") {
  Fixture fixture(path_config(""));
  CHECK(fixture.admin("/api/status").status == 200);
  for (const char* other : {"//api/status", "/api/./status", "/%61pi/status", "/x/../api/status"}) {
    CHECK(fixture.admin(other).status == 404);
  }
}

}  // namespace tidegate::loopback
