// TLS to the other servers of Tidegate: queues, rate-limit stores, receivers of callbacks, hosts of bodies.
#include "loopback/own_responses.h"
#include "loopback/reference_fixture.h"
#include "loopback/replicas.h"
#include "support/redis_server.h"

namespace tidegate::loopback {

namespace {

constexpr const char* kReplayed =
    "replay: {concurrency: 2, max_attempts: 1000, timeout: 5s, backoff: {base: 20ms, max: 20ms, jitter: none}}";

const test::Authority& ours() { return test::Authority::of_program(); }

test::CertificateFiles expired(const std::string& file) {
  return ours().issue(file, {.names = {"127.0.0.1"}, .days_from = -20, .days_until = -10});
}

bool has_line(const std::vector<std::string>& log, const std::string& event, const std::string& reason) {
  return std::any_of(log.begin(), log.end(), [&](const std::string& line) {
    return line.find("\"event\":\"" + event + "\"") != std::string::npos && line.find(reason) != std::string::npos;
  });
}

std::string with_callback(const std::string& url, const std::string& top) {
  return top + std::string(test::ConfigBuilder()
                               .upstream("up", R"(endpoints: ["{UP}"])")
                               .queue("jobs", std::string(R"(url: "sqlite://{DIR}/jobs.db", )") + kReplayed)
                               .route("told",
                                      "match: {path: /job*}, upstream: up, fallback: {on: [503], enqueue: {queue: "
                                      "jobs, callback: {url: \"" +
                                          url + "\", secret: 0123456789abcdef}}}"));
}

std::string park(Fixture& fixture) {
  fixture.upstream.behave({.status = 503});
  const Reply reply = fixture.ask(post("/job", "work"));
  REQUIRE(reply.status == 202);
  fixture.upstream.behave({});
  return reply.json().at("job_id");
}

double callbacks(Fixture& fixture, const std::string& event) {
  return fixture.metric("tidegate_queue_jobs_total", {"queue=\"jobs.callbacks\"", "event=\"" + event + '"'});
}

}  // namespace

TEST_CASE("a callback is delivered by TLS, verified by the authorities of the file") {
  Fixture fixture(with_callback("{TLS}/done?x=1", "tls: {ca_file: \"{CA}\"}\n"));
  fixture.secure.behave({.status = 204, .body = ""});
  const std::string id = park(fixture);
  fixture.start_replaying();
  fixture.until("the callback", [&] { return callbacks(fixture, "succeeded") == 1; });
  REQUIRE(fixture.secure.seen.size() == 1);
  CHECK(fixture.secure.seen[0].method == "POST");
  CHECK(fixture.secure.seen[0].target == "/done?x=1");
  CHECK(fixture.secure.seen[0].body.find(id) != std::string::npos);
}

TEST_CASE("a callback is not lost while its receiver is not trusted, and is delivered after a reload that trusts it") {
  Fixture fixture(with_callback("{TLS}/done", ""));
  fixture.secure.behave({.status = 204, .body = ""});
  const std::string id = park(fixture);
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  fixture.until("a failed delivery", [&] { return callbacks(fixture, "retried") >= 3; });
  CHECK(has_line(fixture.log, "callback_retried",
                 "TLS: the server's certificate is signed by an authority that is not trusted (Test Authority)"));
  CHECK(fixture.secure.seen.empty());
  fixture.reload(with_callback("{TLS}/done", "tls: {ca_file: \"{CA}\"}\n"));
  fixture.until("the callback", [&] { return callbacks(fixture, "succeeded") == 1; });
  CHECK(fixture.secure.seen.size() == 1);
}

TEST_CASE("a callback is not delivered to a receiver whose certificate is for another name") {
  const std::string trusting = "tls: {ca_file: \"{CA}\"}\n";
  Fixture fixture(with_callback("{TLS}", trusting));
  Upstream other(fixture.runtime, test::server_context(ours().issue("other", {.names = {"other.example"}})));
  fixture.reload(with_callback("https://127.0.0.1:" + std::to_string(other.port()), trusting));
  park(fixture);
  fixture.start_replaying();
  fixture.until("a failed delivery", [&] { return callbacks(fixture, "retried") >= 1; });
  CHECK(has_line(fixture.log, "callback_retried", "is for other.example, not for 127.0.0.1"));
}

TEST_CASE("a body is fetched by TLS, and one that cannot be is fetched again until its host is trusted") {
  const std::string config = reference_config("max_body: 1MiB, reference_timeout: 10s");
  ReferenceFixture fixture;
  fixture.secure.behave({.body = "the original"});
  const std::string url = "https://127.0.0.1:" + std::to_string(fixture.secure.port()) + "/original";
  const std::string id = fixture.park(url);
  fixture.check_deferred(id, "reference_unreachable");
  CHECK(has_line(fixture.log, "job_deferred", "is signed by an authority that is not trusted (Test Authority)"));
  CHECK(fixture.secure.seen.empty());
  fixture.reload("tls: {ca_file: \"{CA}\"}\n" + config);
  fixture.until_status(id, "succeeded");
  REQUIRE(fixture.upstream.seen.size() == 1);
  CHECK(fixture.upstream.seen[0].body == "the original");
}

TEST_CASE("a job is in the spool while its Redis shows an expired certificate, and runs when that is renewed") {
  NEEDS_REDIS();
  test::RedisServer server({.append_only = true, .tls = expired("loopback_queue")});
  Fixture fixture(
      test::ConfigBuilder()
          .upstream("up", R"(endpoints: ["{UP}"])")
          .queue("jobs", "url: 'rediss://127.0.0.1:" + std::to_string(server.tls_port()) +
                             "', tls: {ca_file: \"{CA}\"}, spool: \"{DIR}/spool.db\", " + kReplayed)
          .route("parked", "match: {path: /job*}, upstream: up, fallback: {on: [503], enqueue: {queue: jobs}}"));
  fixture.start_replaying();
  const std::string id = park(fixture);
  CHECK(has_line(fixture.log, "queue_server_unavailable", "TLS: the server's certificate has expired"));
  const auto queues = fixture.admin("/api/queues").json();
  CHECK(queues.dump().find("TLS: the server's certificate has expired") != std::string::npos);
  CHECK(fixture.status_of(id) == "queued");
  server.use_certificate(test::Authority::server_of_program());
  fixture.until_status(id, "succeeded");
  CHECK(server.ask({"KEYS", "tidegate:*"}).items.size() > 0);
}

TEST_CASE("a rate limit is shared by TLS, and is this process's own while the store's certificate is wrong") {
  NEEDS_REDIS();
  test::RedisServer server({.tls = expired("loopback_limit")});
  Replicas replicas(2, "key: global, rate: 1/h, burst: 2, store: 'rediss://127.0.0.1:" +
                           std::to_string(server.tls_port()) + "', tls: {ca_file: \"" + ours().ca_file() + "\"}");
  replicas.until("the reason", [&] { return replicas.logged("rate_limit_store_unavailable") == 2; });
  CHECK(has_line(replicas.log, "rate_limit_store_unavailable", "TLS: the server's certificate has expired"));
  for (const size_t each : {0, 0, 1, 1}) CHECK(replicas.ask(each).starts_with("HTTP/1.1 200"));
  server.use_certificate(test::Authority::server_of_program());
  replicas.until_store_is(true);
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(replicas.ask(1).starts_with("HTTP/1.1 200"));
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 429"));
  CHECK(replicas.ask(1).starts_with("HTTP/1.1 429"));
}

}  // namespace tidegate::loopback
