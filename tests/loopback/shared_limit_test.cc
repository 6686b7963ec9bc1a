// Rate limits that replicas share in a real Redis: what they admit together, by the server's clock, and that no request
// fails because the store is killed, stalls or recovers.
#include <cmath>

#include "base/time.h"
#include "core/limits/shared_limit.h"
#include "loopback/fixture.h"
#include "loopback/replicas.h"
#include "support/redis_server.h"

namespace tidegate::loopback {

using test::RedisServer;

namespace {

std::string url(const RedisServer& server) { return "'redis://127.0.0.1:" + std::to_string(server.port()) + "'"; }

// The only key in the store of the route, for a limit by `global`.
std::string key_of(const char* algorithm) {
  config::Route route;
  route.name = "shared";
  route.rate_limit.emplace();
  route.rate_limit->store.emplace();
  const core::SharedLimit limit(route);
  return "tidegate:limit:shared:" + std::string(algorithm) + ":" + core::SharedKey(limit.secret).hex();
}

int64_t server_time_us(const RedisServer& server) {
  const redis::Reply time = server.ask({"TIME"});
  return std::stoll(time.items.at(0).text) * 1'000'000 + std::stoll(time.items.at(1).text);
}

double counted(const std::string& metrics, const std::string& series) {
  const size_t at = metrics.find("\n" + series + " ");
  REQUIRE_MESSAGE(at != std::string::npos, series);
  return std::stod(metrics.substr(at + series.size() + 2));
}

// Of 200/s with a burst of 50: by how many requests less was admitted than one percent below what the bucket allows.
double admitted_too_few(int count) {
  RedisServer server;
  Replicas replicas(count, "key: global, rate: 200/s, burst: 50, store: " + url(server));
  replicas.until_store_is(true);
  const int64_t begun = server_time_us(server);
  replicas.load(8);
  replicas.until("four hundred", [&] { return replicas.responses[200] >= 400; });
  const int64_t took = server_time_us(server) - begun;
  const double allowed = 50 + 200 * static_cast<double>(took) / 1e6;
  const auto admitted = static_cast<double>(replicas.responses[200]);
  MESSAGE(count << " on one bucket of 200/s: " << admitted << " admitted, the limit allows " << allowed << ", ratio "
                << admitted / allowed);
  CHECK(admitted <= allowed);
  CHECK(replicas.responses.contains(429));
  return allowed * 0.99 - admitted;
}

}  // namespace

TEST_CASE("two Tidegates on one Redis together admit exactly one window, and never more in any window") {
  NEEDS_REDIS();
  for (const int count : {1, 2}) {
    CAPTURE(count);
    RedisServer server;
    Replicas replicas(count, "key: global, algorithm: sliding_window, rate: 100/2s, store: " + url(server));
    AdmissionLog admissions(replicas.runtime, server.address(), key_of("window"), 300ms);
    replicas.until_store_is(true);
    replicas.load(8);
    replicas.until("two windows", [&] { return replicas.responses[200] >= 200; });
    const uint64_t seen_by = replicas.responses_total();
    replicas.stop();
    const uint64_t admitted = replicas.responses[200];
    replicas.until("the log is read", [&] { return admissions.size() >= admitted; });
    CHECK(admissions.most_in_any(2s) == 100);
    MESSAGE(count << " on one window of 100/2s: " << admitted << " of " << seen_by << " admitted, at most "
                  << admissions.most_in_any(2s) << " in any 2 s of the server's clock");
    CHECK(replicas.responses.size() == 2);
    CHECK(replicas.responses.contains(429));
  }
}

TEST_CASE("two Tidegates on one Redis together admit what one bucket allows, within one percent") {
  NEEDS_REDIS();
  constexpr double kInPipes = 8;  // what stands there is not counted yet
  for (const int count : {1, 2}) {
    CAPTURE(count);
    double too_few = admitted_too_few(count);
    // Where the clients were not run for a moment, nobody has asked for what was allowed: it is measured again.
    for (int again = 0; again < 3 && too_few > kInPipes; ++again) too_few = admitted_too_few(count);
    CHECK(too_few <= kInPipes);
  }
}

TEST_CASE("responses carry the shared limit, metrics show its store, and the store holds no client in clear text") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas replicas(2,
                    "key: ['header:X-Who', client_ip], algorithm: sliding_window, rate: 2/60s, store: " + url(server));
  replicas.until_store_is(true);
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(replicas.ask(1).starts_with("HTTP/1.1 200"));
  for (const size_t replica : {0, 1}) {
    const std::string refused = replicas.ask(replica);
    CHECK(refused.starts_with("HTTP/1.1 429"));
    CHECK(
        refused.find(
            "RateLimit-Policy: \"default\";q=2;w=60\r\nRateLimit: \"default\";r=0;t=60\r\nX-RateLimit-Limit: 2\r\n") !=
        std::string::npos);
    CHECK(refused.find("\r\nRetry-After: ") != std::string::npos);
    const std::string shown = "redis://127.0.0.1:" + std::to_string(server.port()) + "/0";
    CHECK(counted(replicas.metrics(replica), "tidegate_dependency_up{dependency=\"" + shown + "\"}") == 1);
    CHECK(counted(replicas.metrics(replica),
                  "tidegate_ratelimit_decisions_total{decision=\"allowed\",route=\"shared\"}") == 1);
    CHECK(counted(replicas.metrics(replica),
                  "tidegate_ratelimit_decisions_total{decision=\"limited\",route=\"shared\"}") == 1);
  }
  const redis::Reply keys = server.ask({"KEYS", "*"});
  REQUIRE(keys.items.size() == 1);
  CHECK(keys.items[0].text.starts_with("tidegate:limit:shared:window:"));
  CHECK(keys.items[0].text.find("127.0.0.1") == std::string::npos);
  CHECK(server.ask({"PTTL", keys.items[0].text}).integer > 0);
}

TEST_CASE("a store that is killed under load fails no request, and the limit applies again when it recovers") {
  NEEDS_REDIS();
  for (const std::string policy : {"local", "allow", "deny"}) {
    CAPTURE(policy);
    RedisServer server;
    Replicas replicas(2, "key: global, algorithm: sliding_window, rate: 50/500ms, on_store_failure: " + policy +
                             ", store: " + url(server));
    replicas.until_store_is(true);
    replicas.load(8);
    replicas.until("the limit holds", [&] { return replicas.responses[200] >= 50 && replicas.responses[429] > 0; });
    server.kill();
    replicas.until_store_is(false);
    replicas.responses.clear();
    replicas.until("responses without the store", [&] { return replicas.responses_total() >= 2000; });
    const auto without = replicas.responses;
    CHECK(without.contains(200) == (policy != "deny"));
    CHECK(without.contains(429) == (policy != "allow"));
    server.start();
    replicas.until_store_is(true);
    AdmissionLog admissions(replicas.runtime, server.address(), key_of("window"), 100ms);
    replicas.responses.clear();
    replicas.until("two windows", [&] { return replicas.responses[200] >= 120; });
    replicas.stop();
    replicas.until("the log is read", [&] { return admissions.size() >= 100; });
    CHECK(admissions.most_in_any(500ms) <= 50);
    for (const auto& responses : {without, replicas.responses}) {
      for (const auto& [status, count] : responses)
        CHECK_MESSAGE((status == 200 || status == 429), count << " of " << status);
    }
    CHECK(replicas.logged("rate_limit_store_unavailable") == 2);  // once a replica, not once a request
    CHECK(replicas.logged("rate_limit_store_recovered") == 4);
  }
}

TEST_CASE("a store that stalls under load fails no request, and requests stop waiting for it") {
  NEEDS_REDIS();
  for (const std::string policy : {"local", "allow"}) {
    CAPTURE(policy);
    RedisServer server;
    Replicas replicas(2, "key: global, algorithm: sliding_window, rate: 50/500ms, on_store_failure: " + policy +
                             ", store: " + url(server));
    replicas.until_store_is(true);
    replicas.load(8);
    replicas.until("the limit holds", [&] { return replicas.responses[200] >= 50 && replicas.responses[429] > 0; });
    server.pause();
    replicas.until_store_is(false);
    replicas.until("responses without the store",
                   [&, from = replicas.responses_total()] { return replicas.responses_total() >= from + 2000; });
    server.resume();
    replicas.until_store_is(true);
    AdmissionLog admissions(replicas.runtime, server.address(), key_of("window"), 100ms);
    replicas.until("two windows",
                   [&, from = replicas.responses[200]] { return replicas.responses[200] >= from + 120; });
    replicas.stop();
    replicas.until("the log is read", [&] { return admissions.size() >= 100; });
    CHECK(admissions.most_in_any(500ms) <= 50);
    for (const auto& [status, count] : replicas.responses)
      CHECK_MESSAGE((status == 200 || status == 429), count << " of " << status);
    CHECK(replicas.logged("rate_limit_store_unavailable") == 2);
  }
}

TEST_CASE("the local limit that takes over has counted what the store admitted") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas replicas(1, "key: global, algorithm: sliding_window, rate: 5/600s, store: " + url(server));
  replicas.until_store_is(true);
  for (int i = 0; i < 4; ++i) CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  server.kill();
  replicas.until_store_is(false);
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 429"));
}

TEST_CASE("a client that disconnects while the store is queried ends its request at once") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas replicas(1, "key: global, rate: 1/h, on_store_failure: allow, store: " + url(server));
  replicas.until_store_is(true);
  server.pause();
  test::RawClient leaver(replicas.runtime, replicas.address(0), get("/"));
  const std::string in_flight = "tidegate_http_requests_in_flight{route=\"shared\"}";
  replicas.until("it is being asked for", [&] { return counted(replicas.metrics(0), in_flight) == 1; });
  leaver.leave();
  replicas.until("its end", [&] { return counted(replicas.metrics(0), in_flight) == 0; });
  CHECK(replicas.metrics(0).find("outcome=\"client_closed\",route=\"shared\"} 1") != std::string::npos);
}

TEST_CASE("a deadline that expires while the store is queried is kept") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas replicas(1, "key: global, rate: 1/h, on_store_failure: allow, store: " + url(server),
                    ", timeout: {total: 150ms}");
  replicas.until_store_is(true);
  server.pause();
  const std::string late = replicas.ask(0);
  CHECK(late.starts_with("HTTP/1.1 504"));
  CHECK(late.find("\"reason\":\"timeout\"") != std::string::npos);
}

TEST_CASE("a store that refuses writes counts as unavailable") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas replicas(1, "key: global, rate: 1/h, burst: 2, on_store_failure: allow, store: " + url(server));
  replicas.until_store_is(true);
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  for (int i = 0; i < 5; ++i) CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  const std::string shown = "redis://127.0.0.1:" + std::to_string(server.port()) + "/0";
  CHECK(counted(replicas.metrics(0), "tidegate_dependency_up{dependency=\"" + shown + "\"}") == 0);
  server.ask({"REPLICAOF", "NO", "ONE"});
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(replicas.ask(0).starts_with("HTTP/1.1 429"));
  CHECK(counted(replicas.metrics(0), "tidegate_dependency_up{dependency=\"" + shown + "\"}") == 1);
  CHECK(replicas.logged("rate_limit_store_unavailable") == 1);
}

}  // namespace tidegate::loopback
