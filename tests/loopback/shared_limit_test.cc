// Rate limits that replicas share in a real Redis: what they admit together, on the server's clock, and that no request
// fails because the store is killed, stalled or back again.
#include <cmath>

#include "base/time.h"
#include "core/limits/shared_limit.h"
#include "loopback/bed.h"
#include "loopback/replicas.h"
#include "support/redis_server.h"

namespace tidegate::loopback {

using test::RedisServer;

namespace {

std::string url(const RedisServer& server) { return "'redis://127.0.0.1:" + std::to_string(server.port()) + "'"; }

// The one key of the route's store, for a limit by `global`.
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

}  // namespace

TEST_CASE("two Tidegates on one Redis admit together exactly what one window lets pass, and never more in any window") {
  NEEDS_REDIS();
  for (const int replicas : {1, 2}) {
    CAPTURE(replicas);
    RedisServer server;
    Replicas bed(replicas, "key: global, algorithm: sliding_window, rate: 100/2s, store: " + url(server));
    AdmissionLog admissions(bed.runtime, server.address(), key_of("window"), 300ms);
    bed.until_store_is(true);
    bed.load(8);
    bed.until("two windows", [&] { return bed.answers[200] >= 200; });
    const uint64_t seen_by = bed.answered();
    bed.stop();
    const uint64_t admitted = bed.answers[200];
    bed.until("the log is read", [&] { return admissions.size() >= admitted; });
    CHECK(admissions.most_in_any(2s) == 100);
    MESSAGE(replicas << " on one window of 100/2s: " << admitted << " of " << seen_by << " admitted, at most "
                     << admissions.most_in_any(2s) << " in any 2 s of the server's clock");
    CHECK(bed.answers.size() == 2);
    CHECK(bed.answers.contains(429));
  }
}

TEST_CASE("two Tidegates on one Redis admit together what one bucket lets pass, within one in a hundred") {
  NEEDS_REDIS();
  for (const int replicas : {1, 2}) {
    CAPTURE(replicas);
    RedisServer server;
    Replicas bed(replicas, "key: global, rate: 200/s, burst: 50, store: " + url(server));
    bed.until_store_is(true);
    const int64_t begun = server_time_us(server);
    bed.load(8);
    bed.until("four hundred", [&] { return bed.answers[200] >= 400; });
    const int64_t took = server_time_us(server) - begun;
    const double allowed = 50 + 200 * static_cast<double>(took) / 1e6;
    const auto admitted = static_cast<double>(bed.answers[200]);
    MESSAGE(replicas << " on one bucket of 200/s: " << admitted << " admitted, the limit allows " << allowed
                     << ", ratio " << admitted / allowed);
    CHECK(admitted <= allowed);
    CHECK(admitted >= allowed * 0.99 - 8);  // what stands in the pipes is not counted yet
    CHECK(bed.answers.contains(429));
  }
}

TEST_CASE("the answers tell the shared limit, the metrics its store, and the store no client in clear") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas bed(2, "key: ['header:X-Who', client_ip], algorithm: sliding_window, rate: 2/60s, store: " + url(server));
  bed.until_store_is(true);
  CHECK(bed.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(bed.ask(1).starts_with("HTTP/1.1 200"));
  for (const size_t replica : {0, 1}) {
    const std::string refused = bed.ask(replica);
    CHECK(refused.starts_with("HTTP/1.1 429"));
    CHECK(
        refused.find(
            "RateLimit-Policy: \"default\";q=2;w=60\r\nRateLimit: \"default\";r=0;t=60\r\nX-RateLimit-Limit: 2\r\n") !=
        std::string::npos);
    CHECK(refused.find("\r\nRetry-After: ") != std::string::npos);
    const std::string shown = "redis://127.0.0.1:" + std::to_string(server.port()) + "/0";
    CHECK(counted(bed.metrics(replica), "tidegate_dependency_up{dependency=\"" + shown + "\"}") == 1);
    CHECK(counted(bed.metrics(replica), "tidegate_ratelimit_decisions_total{decision=\"allowed\",route=\"shared\"}") ==
          1);
    CHECK(counted(bed.metrics(replica), "tidegate_ratelimit_decisions_total{decision=\"limited\",route=\"shared\"}") ==
          1);
  }
  const redis::Reply keys = server.ask({"KEYS", "*"});
  REQUIRE(keys.items.size() == 1);
  CHECK(keys.items[0].text.starts_with("tidegate:limit:shared:window:"));
  CHECK(keys.items[0].text.find("127.0.0.1") == std::string::npos);
  CHECK(server.ask({"PTTL", keys.items[0].text}).integer > 0);
}

TEST_CASE("a store that is killed under load fails no request, and the limit holds again when it is back") {
  NEEDS_REDIS();
  for (const std::string policy : {"local", "allow", "deny"}) {
    CAPTURE(policy);
    RedisServer server;
    Replicas bed(2, "key: global, algorithm: sliding_window, rate: 50/500ms, on_store_failure: " + policy +
                        ", store: " + url(server));
    bed.until_store_is(true);
    bed.load(8);
    bed.until("the limit holds", [&] { return bed.answers[200] >= 50 && bed.answers[429] > 0; });
    server.kill();
    bed.until_store_is(false);
    bed.answers.clear();
    bed.until("answers without the store", [&] { return bed.answered() >= 2000; });
    const auto without = bed.answers;
    CHECK(without.contains(200) == (policy != "deny"));
    CHECK(without.contains(429) == (policy != "allow"));
    server.start();
    bed.until_store_is(true);
    AdmissionLog admissions(bed.runtime, server.address(), key_of("window"), 100ms);
    bed.answers.clear();
    bed.until("two windows", [&] { return bed.answers[200] >= 120; });
    bed.stop();
    bed.until("the log is read", [&] { return admissions.size() >= 100; });
    CHECK(admissions.most_in_any(500ms) <= 50);
    for (const auto& answers : {without, bed.answers}) {
      for (const auto& [status, count] : answers)
        CHECK_MESSAGE((status == 200 || status == 429), count << " of " << status);
    }
    CHECK(bed.logged("rate_limit_store_unavailable") == 2);  // once a replica, not once a request
    CHECK(bed.logged("rate_limit_store_recovered") == 4);
  }
}

TEST_CASE("a store that stalls under load fails no request, and nobody waits for it once it is known") {
  NEEDS_REDIS();
  for (const std::string policy : {"local", "allow"}) {
    CAPTURE(policy);
    RedisServer server;
    Replicas bed(2, "key: global, algorithm: sliding_window, rate: 50/500ms, on_store_failure: " + policy +
                        ", store: " + url(server));
    bed.until_store_is(true);
    bed.load(8);
    bed.until("the limit holds", [&] { return bed.answers[200] >= 50 && bed.answers[429] > 0; });
    server.pause();
    bed.until_store_is(false);
    bed.until("answers without the store", [&, from = bed.answered()] { return bed.answered() >= from + 2000; });
    server.resume();
    bed.until_store_is(true);
    AdmissionLog admissions(bed.runtime, server.address(), key_of("window"), 100ms);
    bed.until("two windows", [&, from = bed.answers[200]] { return bed.answers[200] >= from + 120; });
    bed.stop();
    bed.until("the log is read", [&] { return admissions.size() >= 100; });
    CHECK(admissions.most_in_any(500ms) <= 50);
    for (const auto& [status, count] : bed.answers)
      CHECK_MESSAGE((status == 200 || status == 429), count << " of " << status);
    CHECK(bed.logged("rate_limit_store_unavailable") == 2);
  }
}

TEST_CASE("the local limit that takes over is warm: what the store let pass counts in it") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas bed(1, "key: global, algorithm: sliding_window, rate: 5/600s, store: " + url(server));
  bed.until_store_is(true);
  for (int i = 0; i < 4; ++i) CHECK(bed.ask(0).starts_with("HTTP/1.1 200"));
  server.kill();
  bed.until_store_is(false);
  CHECK(bed.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(bed.ask(0).starts_with("HTTP/1.1 429"));
}

TEST_CASE("a client that leaves while the store is asked ends its request at once") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas bed(1, "key: global, rate: 1/h, on_store_failure: allow, store: " + url(server));
  bed.until_store_is(true);
  server.pause();
  test::RawClient leaver(bed.runtime, bed.address(0), get("/"));
  const std::string in_flight = "tidegate_http_requests_in_flight{route=\"shared\"}";
  bed.until("it is being asked for", [&] { return counted(bed.metrics(0), in_flight) == 1; });
  leaver.leave();
  bed.until("its end", [&] { return counted(bed.metrics(0), in_flight) == 0; });
  CHECK(bed.metrics(0).find("outcome=\"client_closed\",route=\"shared\"} 1") != std::string::npos);
}

TEST_CASE("a deadline that comes while the store is asked is kept") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas bed(1, "key: global, rate: 1/h, on_store_failure: allow, store: " + url(server),
               ", timeout: {total: 150ms}");
  bed.until_store_is(true);
  server.pause();
  const std::string late = bed.ask(0);
  CHECK(late.starts_with("HTTP/1.1 504"));
  CHECK(late.find("\"reason\":\"timeout\"") != std::string::npos);
}

TEST_CASE("a store that refuses to write is as good as away, and is said to be down") {
  NEEDS_REDIS();
  RedisServer server;
  Replicas bed(1, "key: global, rate: 1/h, burst: 2, on_store_failure: allow, store: " + url(server));
  bed.until_store_is(true);
  server.ask({"REPLICAOF", "127.0.0.1", "1"});
  for (int i = 0; i < 5; ++i) CHECK(bed.ask(0).starts_with("HTTP/1.1 200"));
  const std::string shown = "redis://127.0.0.1:" + std::to_string(server.port()) + "/0";
  CHECK(counted(bed.metrics(0), "tidegate_dependency_up{dependency=\"" + shown + "\"}") == 0);
  server.ask({"REPLICAOF", "NO", "ONE"});
  CHECK(bed.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(bed.ask(0).starts_with("HTTP/1.1 200"));
  CHECK(bed.ask(0).starts_with("HTTP/1.1 429"));
  CHECK(counted(bed.metrics(0), "tidegate_dependency_up{dependency=\"" + shown + "\"}") == 1);
  CHECK(bed.logged("rate_limit_store_unavailable") == 1);
}

}  // namespace tidegate::loopback
