// The scripts of shared limits on a real server, against a naive log and the bucket's arithmetic; and the keys.
#include "core/limits/limit_script.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "base/random.h"
#include "core/limits/shared_limit.h"
#include "policy/rate_limiter.h"
#include "support/redis_server.h"

namespace tidegate::test {

namespace {

using policy::RateAlgorithm;
using policy::RateDecision;
using policy::RateLimitConfig;

int64_t us(Duration duration) { return std::chrono::duration_cast<std::chrono::microseconds>(duration).count(); }

struct Called {
  RateDecision decision;
  redis::Reply seen;  // what `look` returned
};

// One call of the script and a look at what it left, in one script of the server's, so that nothing expires in between.
Called call_and_look(const RedisServer& server, const RateLimitConfig& limit, const std::string& key, int member,
                     const std::string& look) {
  const std::string& source = core::limit_script(limit.algorithm).source();
  std::vector<std::string> command = {
      "EVAL", "local function limit() " + source + " end local r = limit() r[5] = " + look + " return r", "1", key};
  for (std::string& argument : core::limit_arguments(limit, std::to_string(member)))
    command.push_back(std::move(argument));
  redis::Reply reply = server.ask(command);
  REQUIRE_MESSAGE(reply.items.size() == 5, reply.text);
  const redis::Reply seen = reply.items.back();
  reply.items.pop_back();
  const auto decision = core::read_limit_reply(reply);
  REQUIRE(decision.ok());
  return {*decision, seen};
}

RateDecision call(const RedisServer& server, const RateLimitConfig& limit, const std::string& key, int member) {
  return call_and_look(server, limit, key, member, "0").decision;
}

}  // namespace

TEST_CASE("the window in Redis agrees with a naive log, call for call, on the server's clock") {
  NEEDS_REDIS();
  RedisServer server;
  Random random(5);
  size_t refused = 0;
  for (const uint32_t count : {1u, 3u, 20u}) {
    const RateLimitConfig limit{.algorithm = RateAlgorithm::sliding_window, .count = count, .window = 5ms * count};
    const std::string key = "w" + std::to_string(count);
    std::vector<int64_t> log;
    for (int member = 0; member < 700; ++member) {
      const auto [decision, score] =
          call_and_look(server, limit, key, member, "redis.call('ZSCORE', KEYS[1], ARGV[3])");
      // When it was: an admission stands in the set, a refusal tells by what it says of the newest.
      int64_t now = 0;
      if (decision.allowed) now = std::stoll(score.text);
      else now = log.back() + us(limit.window) - us(decision.reset_after);
      const auto inside = static_cast<uint32_t>(
          std::count_if(log.begin(), log.end(), [&](int64_t at) { return at > now - us(limit.window); }));
      REQUIRE(decision.allowed == (inside < count));
      refused += !decision.allowed;
      if (decision.allowed) {
        REQUIRE(decision.remaining == count - inside - 1);
        log.push_back(now);
      } else {
        REQUIRE(decision.remaining == 0);
        REQUIRE(us(decision.retry_after) == log[log.size() - count] + us(limit.window) - now);
      }
      if (random.chance(0.02)) pause_briefly();
    }
    CHECK(std::is_sorted(log.begin(), log.end()));
  }
  CHECK(refused > 100);
}

TEST_CASE("the bucket in Redis holds what the arithmetic says, call for call, on the server's clock") {
  NEEDS_REDIS();
  RedisServer server;
  const RateLimitConfig limit{.rate_per_s = 300, .burst = 7};
  double tokens = limit.burst;
  int64_t at = 0;
  int refused = 0;
  for (int member = 0; member < 1500; ++member) {
    const auto [decision, held] =
        call_and_look(server, limit, "b", member, "redis.call('HMGET', KEYS[1], 'tokens', 'at')");
    if (decision.allowed) {
      const int64_t now = std::stoll(held.items.at(1).text);
      const double full = at == 0 ? limit.burst : std::min(limit.burst, tokens + static_cast<double>(now - at) * 3e-4);
      REQUIRE(full >= 1 - 1e-3);
      tokens = full - 1;
      at = now;
      REQUIRE(std::stod(held.items.at(0).text) == doctest::Approx(tokens).epsilon(1e-9));
      // At a whole token the last digit decides, which Redis rounds.
      const bool is_whole = std::abs(tokens - std::round(tokens)) < 1e-9;
      if (!is_whole) REQUIRE(decision.remaining == std::floor(std::max(tokens, 0.0)));
      REQUIRE(std::abs(to_seconds(decision.reset_after) - (limit.burst - tokens) / limit.rate_per_s) < 2e-6);
    } else {
      // The bucket as the refusal saw it, from what it says of its being full.
      const double seen = limit.burst - to_seconds(decision.reset_after) * limit.rate_per_s;
      REQUIRE(seen < 1);
      REQUIRE(seen >= tokens - 1e-3);
      REQUIRE(std::abs(to_seconds(decision.retry_after) - (1 - seen) / limit.rate_per_s) < 3e-6);
      ++refused;
    }
  }
  CHECK(refused > 100);
}

TEST_CASE("what a shared limit keeps in Redis expires when it no longer counts") {
  NEEDS_REDIS();
  RedisServer server;
  const RateLimitConfig window{.algorithm = RateAlgorithm::sliding_window, .count = 50, .window = 60s};
  const RateLimitConfig bucket{.rate_per_s = 1, .burst = 50};
  for (int member = 0; member < 40; ++member) {
    call(server, window, "w", member);
    call(server, bucket, "b", member);
  }
  CHECK(server.ask({"ZCARD", "w"}).integer == 40);
  CHECK(server.ask({"PTTL", "w"}).integer > 50'000);
  CHECK(server.ask({"PTTL", "w"}).integer <= 60'001);
  CHECK(server.ask({"PTTL", "b"}).integer > 30'000);
  CHECK(server.ask({"PTTL", "b"}).integer <= 40'001);
}

TEST_CASE("a limit that was lowered holds at once, and one that was raised lets the difference pass") {
  NEEDS_REDIS();
  RedisServer server;
  RateLimitConfig limit{.algorithm = RateAlgorithm::sliding_window, .count = 10, .window = 60s};
  for (int member = 0; member < 10; ++member) CHECK(call(server, limit, "w", member).allowed);
  limit.count = 4;
  const RateDecision lowered = call(server, limit, "w", 100);
  CHECK_FALSE(lowered.allowed);
  CHECK(lowered.retry_after > 50s);  // not before six have left
  limit.count = 12;
  CHECK(call(server, limit, "w", 101).allowed);
  CHECK(call(server, limit, "w", 102).allowed);
  CHECK_FALSE(call(server, limit, "w", 103).allowed);
}

TEST_CASE("a server whose clock is set back fills a bucket from then on, and admits no more for it") {
  NEEDS_REDIS();
  RedisServer server;
  const RateLimitConfig limit{.rate_per_s = 50, .burst = 5};
  const std::string ahead = "99999999999999999";
  server.ask({"HSET", "b", "tokens", "0", "at", ahead});
  CHECK_FALSE(call(server, limit, "b", 0).allowed);
  CHECK(server.ask({"HGET", "b", "at"}).text != ahead);
  bool allowed = false;
  for (int member = 1; member < 10'000 && !allowed; ++member) {
    allowed = call(server, limit, "b", member).allowed;
    pause_briefly();
  }
  CHECK(allowed);
}

TEST_CASE("a reply that is no decision is recognized: the server's refusal, and nonsense") {
  redis::Reply error;
  error.kind = redis::Reply::Kind::error;
  error.text = "OOM command not allowed";
  CHECK(core::read_limit_reply(error).error().code == ErrorCode::unavailable);
  redis::Reply nonsense;
  nonsense.kind = redis::Reply::Kind::array;
  nonsense.items.resize(4);
  CHECK(core::read_limit_reply(nonsense).error().code == ErrorCode::invalid);
  CHECK(core::read_limit_reply(redis::Reply{}).error().code == ErrorCode::invalid);
}

TEST_CASE("a shared key is the same in every process, and distinguishes routes, stores, clients and parts") {
  const auto key = [](std::string_view secret, std::initializer_list<std::string_view> parts) {
    core::SharedKey builder(secret);
    for (const std::string_view part : parts) builder.add(part);
    return builder.hex();
  };
  CHECK(key("s", {"a", "b"}) == key("s", {"a", "b"}));
  const std::set<std::string> different = {key("s", {"a", "b"}), key("t", {"a", "b"}), key("s", {"ab"}),
                                           key("s", {"ab", ""}), key("s", {"", "ab"}), key("", {"s", "a", "b"}),
                                           key("s", {})};
  CHECK(different.size() == 7);
  const auto client = [](const char* address) {
    core::SharedKey builder("s");
    builder.add(*IpAddress::parse(address), 64);
    return builder.hex();
  };
  CHECK(client("2001:db8:1:2::1") == client("2001:db8:1:2:ffff::9"));
  CHECK(client("2001:db8:1:2::1") != client("2001:db8:1:3::1"));
  CHECK(client("10.0.0.1") != client("10.0.0.2"));
  CHECK(client("10.0.0.1").size() == 32);

  config::Route route;
  route.name = "optimize";
  route.rate_limit.emplace();
  route.rate_limit->store = redis::Address{.host = "h", .user = "", .password = "p"};
  const core::SharedLimit limit(route);
  CHECK(limit.key_prefix == "tidegate:limit:optimize:bucket:");
  CHECK(limit.secret == core::SharedLimit(route).secret);
  route.rate_limit->store->password = "other";
  CHECK(limit.secret != core::SharedLimit(route).secret);
}

}  // namespace tidegate::test
