// A reload: the next table is in force, and what began before it ends as it began.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

test::ConfigBuilder one_route(const std::string& upstream = "endpoints: ['{UP}']", const std::string& more = "") {
  return test::ConfigBuilder().upstream("up", upstream).route("r", "match: {path: /r*}, upstream: up" + more);
}

}  // namespace

TEST_CASE("a reload adds a route and removes one, and kept connections of clients go by it") {
  Fixture fixture(one_route());
  const auto client = fixture.client(get("/r"));
  CHECK(fixture.next(*client).status == 200);
  fixture.reload(
      test::ConfigBuilder().upstream("up", "endpoints: ['{UP}']").route("s", "match: {path: /s}, upstream: up"));
  client->send(get("/s"));
  CHECK(fixture.next(*client).status == 200);
  client->send(get("/r"));
  CHECK(fixture.next(*client).status == 404);
}

TEST_CASE("a request keeps the table that it began with, which ends with it") {
  Fixture fixture(one_route());
  const std::weak_ptr<const core::RouteTable> before = fixture.gateway().table();
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto client = fixture.client(get("/r"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  fixture.reload(one_route("endpoints: ['{SECOND}']"));
  CHECK_FALSE(before.expired());
  fixture.upstream.release({});
  CHECK(fixture.next(*client).body == "hello");
  fixture.until("the table of before has ended", [&] { return before.expired(); });
  CHECK(fixture.ask(get("/r")).status == 200);
  CHECK(fixture.second.seen.size() == 1);
}

TEST_CASE("a request whose route has been removed ends as it began, with its retries") {
  const std::string retry = ", retry: {max_attempts: 3, on: [503], backoff: {base: 20ms, max: 20ms, jitter: none}}";
  Fixture fixture(one_route("endpoints: ['{UP}']", retry));
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto client = fixture.client(get("/r"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  fixture.reload(test::ConfigBuilder()
                     .upstream("other", "endpoints: ['{SECOND}']")
                     .route("s", "match: {path: /s}, upstream: other"));
  fixture.upstream.behave({});
  fixture.upstream.release({.status = 503});
  CHECK(fixture.next(*client).status == 200);
  CHECK(fixture.upstream.seen.size() == 2);
  CHECK(fixture.ask(get("/r")).status == 404);
}

TEST_CASE("an upstream with other endpoints gets new connections, and its old ones are closed when nobody uses them") {
  Fixture fixture(one_route());
  CHECK(fixture.ask(get("/r")).status == 200);
  CHECK(fixture.upstream.connections() == 1);
  fixture.reload(one_route("endpoints: ['{UP}'], bulkhead: {}"));
  CHECK(fixture.ask(get("/r")).status == 200);
  CHECK(fixture.upstream.connections() == 1);
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto held = fixture.client(get("/r"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 3; });
  fixture.reload(one_route("endpoints: ['{SECOND}']"));
  CHECK(fixture.ask(get("/r")).status == 200);
  CHECK(fixture.second.connections() == 1);
  fixture.upstream.release({});
  CHECK(fixture.next(*held).status == 200);
  fixture.until("the connection of before is closed", [&] { return fixture.upstream.connections() == 0; });
}

TEST_CASE("the connections of both configurations together are no more than the limit") {
  Fixture fixture(one_route("endpoints: ['{UP}'], max_connections: 2, pending_timeout: 20s"));
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto a = fixture.client(get("/r")), b = fixture.client(get("/r"));
  fixture.until("both are at the upstream", [&] { return fixture.upstream.seen.size() == 2; });
  fixture.reload(one_route("endpoints: ['{SECOND}'], max_connections: 1, pending_timeout: 20s"));
  const auto c = fixture.client(get("/r"));
  fixture.until("it waits", [&] { return fixture.metric("tidegate_upstream_pending_requests", {"up"}) == 1; });
  fixture.upstream.release({});
  CHECK(fixture.next(*a).status == 200);
  CHECK(fixture.next(*b).status == 200);
  CHECK(fixture.next(*c).status == 200);
  CHECK(fixture.second.seen.size() == 1);
}

TEST_CASE("a bulkhead counts the calls of both configurations, and who waits in it is served") {
  Fixture fixture(one_route("endpoints: ['{UP}'], bulkhead: {max_concurrent: 1, max_wait: 20s}"));
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto a = fixture.client(get("/r"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  const auto b = fixture.client(get("/r"));
  fixture.until("it waits", [&] { return fixture.metric("tidegate_bulkhead_waiting", {"up"}) == 1; });
  fixture.reload(one_route("endpoints: ['{UP}'], bulkhead: {max_concurrent: 2, max_wait: 20s}"));
  fixture.until("it has a slot", [&] { return fixture.upstream.seen.size() == 2; });
  const auto c = fixture.client(get("/r"));
  fixture.until("the third waits", [&] { return fixture.metric("tidegate_bulkhead_waiting", {"up"}) == 1; });
  CHECK(fixture.metric("tidegate_bulkhead_in_use", {"up"}) == 2);
  fixture.upstream.behave({});
  fixture.upstream.release({});
  for (auto* client : {a.get(), b.get(), c.get()}) CHECK(fixture.next(*client).status == 200);
}

TEST_CASE("an open breaker stays open over a reload, and its counters go on") {
  const std::string upstream =
      "endpoints: ['{UP}'], breaker: {consecutive_failures: 1, open_for: 60s, open_for_max: 60s}";
  Fixture fixture(one_route(upstream));
  fixture.upstream.behave({.status = 503});
  CHECK(fixture.ask(get("/r")).status == 503);
  fixture.reload(one_route(upstream, ", timeout: {total: 9s}"));
  fixture.ask(get("/r"));
  CHECK(fixture.upstream.seen.size() == 1);
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"failure"}) == 1);
  fixture.reload(one_route("endpoints: ['{UP}'], breaker: {consecutive_failures: 9}"));
  fixture.ask(get("/r"));
  CHECK(fixture.upstream.seen.size() == 2);
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"failure"}) == 2);
}

TEST_CASE("the gauges of what is removed go, and the series of what is new are there") {
  Fixture fixture(one_route("endpoints: ['{UP}'], breaker: {}, bulkhead: {}"));
  CHECK(fixture.admin("/metrics").body.find("tidegate_breaker_state{breaker=\"up\"") != std::string::npos);
  fixture.reload(test::ConfigBuilder()
                     .upstream("other", "endpoints: ['{SECOND}'], breaker: {}")
                     .route("s", "match: {path: /s}, upstream: other"));
  const std::string text = fixture.admin("/metrics").body;
  CHECK(text.find("tidegate_breaker_state{breaker=\"up\"") == std::string::npos);
  CHECK(text.find("tidegate_bulkhead_limit{bulkhead=\"up\"") == std::string::npos);
  CHECK(text.find("tidegate_upstream_endpoint_healthy{endpoint=\"127.0.0.1:" +
                  std::to_string(fixture.upstream.port())) == std::string::npos);
  CHECK(text.find("tidegate_http_requests_total{code=\"503\",method=\"GET\",outcome=\"breaker_open\",route=\"s\"} 0") !=
        std::string::npos);
}

TEST_CASE("a listener that is new serves, and one that is removed finishes what it has") {
  Fixture fixture(one_route());
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto busy = fixture.client(get("/r"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  const auto idle = fixture.client();
  const SocketAddress before = fixture.address();
  fixture.reload("shutdown_grace: 40ms\n" + one_route().listener("address: 127.0.0.2:0").yaml());
  CHECK(fixture.address().ip.to_string() == "127.0.0.2");
  fixture.upstream.behave({});
  CHECK(fixture.ask(get("/r")).status == 200);
  const test::RawClient late(fixture.runtime, before, get("/r"));
  fixture.until("nobody listens there", [&] { return late.over(); });
  fixture.until("its idle connections end", [&] { return idle->over(); });
  fixture.upstream.release({});
  const Reply reply = fixture.next(*busy);
  CHECK(reply.status == 200);
  CHECK(reply.field("connection") == "close");
}

TEST_CASE("where one listener cannot open, nothing changes and what was opened is closed") {
  Fixture fixture(one_route());
  const auto table = fixture.gateway().table();
  std::string yaml = one_route().yaml();
  yaml += "  - {name: good, address: 127.0.0.2:0, routes: [{name: g, match: {path: /r}, upstream: up}]}\n";
  yaml += "  - {name: bad, address: 192.0.2.1:80, routes: [{name: b, match: {path: /r}, upstream: up}]}\n";
  CHECK_FALSE(fixture.try_reload(yaml).ok());
  CHECK(fixture.gateway().table() == table);
  CHECK(fixture.ask(get("/r")).status == 200);
  fixture.reload(one_route("endpoints: ['{SECOND}']"));
  CHECK(fixture.ask(get("/r")).status == 200);
  CHECK(fixture.second.seen.size() == 1);
}

TEST_CASE("limits of a listener hold for the next request, on connections that are open too") {
  Fixture fixture(one_route().listener("address: 127.0.0.1:0, path_normalization: off, limits: {body: 10B}"));
  const auto client = fixture.client(get("/r"));
  CHECK(fixture.next(*client).status == 200);
  fixture.reload(one_route().listener("address: 127.0.0.1:0, path_normalization: reject, limits: {body: 20B}"));
  client->send(post("/r", "fifteen bytes !"));
  CHECK(fixture.next(*client).status == 200);
  client->send(get("/r/../r"));
  CHECK(fixture.next(*client).status == 400);
}

TEST_CASE("a job run ends by the route that it was admitted by, though that is removed meanwhile") {
  const auto with_jobs = [](const char* path) {
    return test::ConfigBuilder()
        .upstream("up", "endpoints: ['{UP}']")
        .queue("jobs", "url: 'sqlite://{DIR}/jobs.db'")
        .route("job", std::string("match: {path: ") + path + "}, upstream: up, fallback: {enqueue: {queue: jobs}}");
  };
  Fixture fixture(with_jobs("/job"));
  fixture.upstream.behave({Behaviour::Kind::hold});
  const Reply accepted = fixture.ask(post("/job", "body", "Prefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  fixture.start_replaying();
  const auto& seen = fixture.upstream.seen;
  fixture.until("it is at the upstream", [&] { return seen.size() == 1 && seen[0].whole; });
  fixture.reload(with_jobs("/other"));
  fixture.upstream.release({});
  const std::string id = accepted.json().at("job_id");
  fixture.until_status(id, "succeeded");
}

TEST_CASE("an upstream that comes back while a request of before still uses it has one pool") {
  Fixture fixture(one_route());
  const std::string without = test::ConfigBuilder()
                                  .upstream("other", "endpoints: ['{SECOND}']")
                                  .route("s", "match: {path: /s}, upstream: other");
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto held = fixture.client(get("/r"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  fixture.reload(without);
  fixture.reload(one_route());
  fixture.upstream.behave({});
  CHECK(fixture.ask(get("/r")).status == 200);
  fixture.upstream.release({});
  CHECK(fixture.next(*held).status == 200);
  CHECK(fixture.ask(get("/r")).status == 200);
}

TEST_CASE("a thousand reloads leave nothing behind") {
  Fixture fixture(one_route("endpoints: ['{UP}'], breaker: {}, bulkhead: {}"));
  std::vector<std::weak_ptr<const core::RouteTable>> tables;
  for (int i = 0; i < 1000; ++i) {
    tables.push_back(fixture.gateway().table());
    fixture.reload(one_route(i % 2 == 0 ? "endpoints: ['{SECOND}'], breaker: {consecutive_failures: 3}"
                                        : "endpoints: ['{UP}'], breaker: {}, bulkhead: {max_concurrent: 3}"));
    fixture.runtime.post([] {});
    fixture.runtime.run_once();
  }
  fixture.until("all tables of before have ended", [&] {
    return std::all_of(tables.begin(), tables.end(), [](const auto& table) { return table.expired(); });
  });
  CHECK(fixture.ask(get("/r")).status == 200);
}

}  // namespace tidegate::loopback
