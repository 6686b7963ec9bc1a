// The wait for a connection to an upstream, and what is refused for want of one.
#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

std::string few_connections(const std::string& upstream_settings) {
  return test::ConfigBuilder()
      .listener("address: 127.0.0.1:0")
      .upstream("few",
                R"(endpoints: ["{UP}"], breaker: {consecutive_failures: 1}, max_connections: 1, )" + upstream_settings)
      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
      .route("plain", "match: {path: /plain}, upstream: few, timeout: {per_try: 150ms, response_header: 150ms}")
      .route("patient", "match: {path: /patient}, upstream: few")
      .route("park", "match: {path: /park}, upstream: few, fallback: {enqueue: {queue: jobs}}")
      .route("sorry",
             "match: {path: /sorry}, upstream: few, fallback: {on: [pool_full], respond: {status: 200, body: later}}");
}

// A request that holds the only connection until the upstream releases it.
std::unique_ptr<test::RawClient> hold_connection(Fixture& fixture) {
  fixture.upstream.behave({Behaviour::Kind::hold});
  auto holder = fixture.client(get("/patient"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  return holder;
}

void check_breaker_untouched(Fixture& fixture) {
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"few", "result=\"failure\""}) == 0);
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"few", "result=\"slow\""}) == 0);
  CHECK(fixture.metric("tidegate_breaker_state", {"few", "state=\"closed\""}) == 1);
}

}  // namespace

TEST_CASE("no connection in time: 503 pool_full, with the same word everywhere and no verdict of the breaker") {
  Fixture fixture(few_connections("pending_timeout: 50ms"));
  const auto holder = hold_connection(fixture);
  const Reply reply = fixture.ask(get("/plain"));
  CHECK(fixture.upstream.seen.size() == 1);
  fixture.upstream.behave({});
  fixture.upstream.release({});
  CHECK(fixture.next(*holder).status == 200);
  check_own_response(fixture, reply, {503, "pool_full", "plain", "GET", true});
  CHECK(reply.field("proxy-status").find("error=connection_limit_reached") != std::string::npos);
  CHECK(fixture.logged("pool_full")[0].at("attempts") == 0);
  CHECK(fixture.logged("pool_full")[0].at("reason") ==
        "no connection became free in time; 1 of 1 connections open, 0 of them by tunnels");
  CHECK(fixture.metric("tidegate_upstream_connections_refused_total", {"few", "reason=\"limit\""}) == 1);
  check_breaker_untouched(fixture);
}

TEST_CASE("a client's own deadline that passes in the wait is pool_full too, not a time-out of the upstream") {
  Fixture fixture(few_connections("pending_timeout: 60s"));
  const auto holder = hold_connection(fixture);
  CHECK(fixture.ask(get("/plain", "X-Request-Timeout-Ms: 50\r\n")).json().at("reason") == "pool_full");
  check_breaker_untouched(fixture);
}

TEST_CASE("who waits is counted, and gets the connection with all of the upstream's time") {
  Fixture fixture(few_connections("pending_timeout: 60s"));
  const auto holder = hold_connection(fixture);
  const auto waiting = fixture.client(get("/plain"));
  fixture.until("it waits", [&] { return fixture.metric("tidegate_upstream_pending_requests", {"few"}) == 1; });
  net::Timer longer_than_per_try(fixture.runtime, [] {});
  longer_than_per_try.start_after(300ms);
  fixture.until("its per_try would be over", [&] { return !longer_than_per_try.active(); });
  fixture.upstream.behave({});
  fixture.upstream.release({});
  CHECK(fixture.next(*holder).status == 200);
  CHECK(fixture.next(*waiting).status == 200);
  CHECK(fixture.metric("tidegate_upstream_pending_requests", {"few"}) == 0);
  check_breaker_untouched(fixture);
}

TEST_CASE("pool_full can fall back, and does by default") {
  Fixture fixture(few_connections("max_pending: 0"));
  const auto holder = hold_connection(fixture);
  const Reply sorry = fixture.ask(get("/sorry"));
  CHECK(sorry.status == 200);
  CHECK(sorry.body == "later");
  const Reply parked = fixture.ask(post("/park", std::string(100'000, 'b')));
  CHECK(parked.status == 202);
  REQUIRE(fixture.logged("queued").size() == 1);
  CHECK(fixture.logged("queued")[0].at("reason").get<std::string>().find("max_pending") != std::string::npos);
}

TEST_CASE("a job that gets no connection is given back: no attempt, no deferral, and the upstream is not judged") {
  Fixture fixture(few_connections("max_pending: 0"));
  const auto holder = hold_connection(fixture);
  const Reply accepted = fixture.ask(post("/park", "work", "Prefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  const std::string id = accepted.json().at("job_id");
  fixture.start_replaying();
  fixture.until("it was refused",
                [&] { return fixture.metric("tidegate_upstream_connections_refused_total", {"few"}) >= 1; });
  fixture.until_status(id, "queued");
  check_breaker_untouched(fixture);
  fixture.upstream.behave({});
  fixture.upstream.release({});
  fixture.until_status(id, "succeeded");
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"retried\""}) == 0);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"deferred\""}) == 0);
}

TEST_CASE(
    "limits.connections is one count for all workers; beyond it clients are disconnected, counted and logged once") {
  Fixture fixture(test::ConfigBuilder()
                      .listener("address: 127.0.0.1:0, limits: {connections: 3}")
                      .upstream("up", R"(endpoints: ["{UP}"])")
                      .route("all", "match: {path: /*}, upstream: up"));
  core::Worker second_worker(fixture.runtime, fixture.gateway());
  core::Listeners second(second_worker);
  REQUIRE(second.listen().ok());
  const SocketAddress addresses[] = {fixture.address(), second.address(0)};
  std::vector<std::unique_ptr<test::RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<test::RawClient>(fixture.runtime, addresses[i % 2]));
    fixture.until("it is accepted or disconnected", [&] {
      return clients.back()->over() || fixture.listeners().connections() + second.connections() == clients.size();
    });
  }
  CHECK(fixture.listeners().connections() + second.connections() == 3);
  CHECK(fixture.metric("tidegate_listener_connections_refused_total", {"in", "reason=\"limit\""}) == 5);
  const auto lines = std::count_if(fixture.log.begin(), fixture.log.end(), [](const std::string& line) {
    return line.find("\"connections_refused\"") != std::string::npos;
  });
  CHECK(lines == 2);  // each worker's first
  clients[0]->leave();
  fixture.until("there is room", [&] { return fixture.listeners().connections() + second.connections() == 2; });
  const auto late = std::make_unique<test::RawClient>(fixture.runtime, addresses[1], get("/"));
  CHECK(fixture.next(*late).status == 200);
}

}  // namespace tidegate::loopback
