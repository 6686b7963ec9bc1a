// The token bucket against arithmetic done by hand and an exact model; keys; what is promised in Retry-After.
#include "policy/rate_limiter.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "base/random.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{1000s};
constexpr RateKey kClient{1, 2};

RateKey key_of(const char* address, int prefix = 64, uint64_t secret = 1) {
  RateKeyBuilder builder(secret);
  builder.add(*IpAddress::parse(address), prefix);
  return builder.key();
}

RateKey key_of_parts(std::initializer_list<std::string_view> parts, uint64_t secret = 1) {
  RateKeyBuilder builder(secret);
  for (const std::string_view part : parts) builder.add(part);
  return builder.key();
}

}  // namespace

TEST_CASE("A burst passes at once, then one call each time a token has come") {
  RateLimiter limiter({.rate_per_s = 10, .burst = 3});
  const struct {
    Duration after;
    bool allowed;
    double remaining;
    Duration retry_after;
  } cases[] = {
      {0ms, true, 2, 0ms},    {0ms, true, 1, 0ms},   {0ms, true, 0, 0ms},     {0ms, false, 0, 100ms},
      {60ms, false, 0, 40ms}, {100ms, true, 0, 0ms}, {150ms, false, 0, 50ms}, {400ms, true, 2, 0ms},
      {10s, true, 2, 0ms},  // never more than the burst, however long the rest
  };
  for (const auto& c : cases) {
    CAPTURE(c.after.count());
    const RateDecision decision = limiter.check(kClient, kStart + c.after);
    CHECK(decision.allowed == c.allowed);
    CHECK(decision.remaining == c.remaining);
    CHECK(to_seconds(decision.retry_after) == doctest::Approx(to_seconds(c.retry_after)));
  }
}

TEST_CASE("Reset is when the bucket is full again") {
  RateLimiter limiter({.rate_per_s = 2, .burst = 10});
  for (int taken = 1; taken <= 10; ++taken) {
    CHECK(to_seconds(limiter.check(kClient, kStart).reset_after) == doctest::Approx(taken * 0.5));
  }
  CHECK(to_seconds(limiter.check(kClient, kStart).reset_after) == doctest::Approx(5));  // a refusal takes nothing
}

TEST_CASE("Waiting as long as Retry-After says is enough, and less is not") {
  Random random(8);
  for (int round = 0; round < 200; ++round) {
    RateLimiter limiter({.rate_per_s = 0.01 + random.uniform() * 1000, .burst = 1 + std::floor(random.uniform() * 50)});
    Time now = kStart;
    RateDecision decision;
    do {
      now += Duration(static_cast<int64_t>(random.below(1000)));
      decision = limiter.check(kClient, now);
    } while (decision.allowed);
    REQUIRE(decision.retry_after > 0ns);
    if (decision.retry_after > 1us) CHECK_FALSE(limiter.check(kClient, now + decision.retry_after - 1us).allowed);
    CHECK(limiter.check(kClient, now + decision.retry_after).allowed);
  }
}

TEST_CASE("A call may cost more than one token, and one that costs more than the burst never passes") {
  RateLimiter limiter({.rate_per_s = 1, .burst = 5});
  CHECK(limiter.check(kClient, kStart, 4).allowed);
  const RateDecision short_of = limiter.check(kClient, kStart, 4);
  CHECK_FALSE(short_of.allowed);
  CHECK(to_seconds(short_of.retry_after) == doctest::Approx(3));
  CHECK_FALSE(limiter.check(kClient, kStart + 1h, 6).allowed);
  CHECK(limiter.check(kClient, kStart + 1h, 5).allowed);
}

TEST_CASE("A clock that runs a little behind gives nothing and takes nothing away") {
  RateLimiter limiter({.rate_per_s = 1, .burst = 2});
  CHECK(limiter.check(kClient, kStart).allowed);
  CHECK(limiter.check(kClient, kStart - 10s).allowed);
  CHECK_FALSE(limiter.check(kClient, kStart - 10s).allowed);
}

TEST_CASE("Each key has a bucket of its own") {
  RateLimiter limiter({.rate_per_s = 1, .burst = 1});
  for (uint64_t client = 0; client < 100; ++client) CHECK(limiter.check({client, client}, kStart).allowed);
  for (uint64_t client = 0; client < 100; ++client) CHECK_FALSE(limiter.check({client, client}, kStart).allowed);
  CHECK(limiter.tracked() == 100);
}

TEST_CASE("No more keys are tracked than allowed, in a small table exactly") {
  for (const uint64_t bound : {1u, 10u, 1000u, 5000u, 40'000u}) {
    CAPTURE(bound);
    RateLimiter limiter({.max_keys = bound});
    Random random(bound);
    for (uint64_t i = 0; i < bound * 4; ++i) limiter.check({random.next(), random.next()}, kStart);
    CHECK(limiter.tracked() <= bound);
    CHECK(limiter.tracked() >= bound * 9 / 10);
  }
}

TEST_CASE("Idle keys are deleted after idle_ttl, or once full again where that is later") {
  for (const bool slow_refill : {false, true}) {
    CAPTURE(slow_refill);
    // burst/rate is 2 s or 200 s.
    RateLimiter limiter({.rate_per_s = slow_refill ? 0.1 : 10, .burst = 20, .idle_ttl = 60s, .max_keys = 1000});
    for (uint64_t client = 0; client < 50; ++client) limiter.check({client, client}, kStart);
    const Duration ttl = slow_refill ? Duration(200s) : Duration(60s);
    for (int i = 0; i < 50; ++i) limiter.check(kClient, kStart + ttl - 1s);
    CHECK(limiter.tracked() == 51);
    for (int i = 0; i < 50; ++i) limiter.check(kClient, kStart + ttl + 1s);
    CHECK(limiter.tracked() == 1);
  }
}

TEST_CASE("No client gets more than its rate by having its key pushed out") {
  RateLimiter limiter({.rate_per_s = 0.1, .burst = 20, .idle_ttl = 1s});
  int allowed = 0;
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < 5; ++i) allowed += limiter.check(kClient, kStart + second * 1s).allowed;
    limiter.check({9, static_cast<uint64_t>(second)}, kStart + second * 1s);
  }
  CHECK(allowed == 20 + 9);
}

TEST_CASE("IPv6 clients are one by their prefix, IPv4 clients by their address") {
  CHECK(key_of("2001:db8:1:2::1") == key_of("2001:db8:1:2:ffff::9"));
  CHECK_FALSE(key_of("2001:db8:1:2::1") == key_of("2001:db8:1:3::1"));
  CHECK(key_of("2001:db8:1:2::1", 48) == key_of("2001:db8:1:3::1", 48));
  CHECK_FALSE(key_of("2001:db8:1:2::1", 128) == key_of("2001:db8:1:2::2", 128));
  CHECK(key_of("2001:db8::1", 128) == key_of("2001:db8:0:0::1", 128));
  CHECK_FALSE(key_of("192.0.2.1") == key_of("192.0.2.2"));
  CHECK_FALSE(key_of("192.0.2.1", 0) == key_of("192.0.2.2", 0));  // the prefix is IPv6's only
  CHECK(key_of("::ffff:192.0.2.1") == key_of("192.0.2.1"));
  CHECK_FALSE(key_of("0.0.0.0") == key_of("::", 0));
}

TEST_CASE("The parts of a key do not run together, and the secret makes the key another") {
  CHECK(key_of_parts({"ab", "c"}) == key_of_parts({"ab", "c"}));
  std::set<std::pair<uint64_t, uint64_t>> keys;
  const std::initializer_list<std::string_view> different[] = {
      {"ab", "c"},
      {"a", "bc"},
      {"abc"},
      {"abc", ""},
      {"", "abc"},
      {"", ""},
      {""},
      {},
      {"c", "ab"},
      {std::string_view("abc\0", 4)},
      {"abcdefgh"},
      {"abcdefghi"},
      {"abcdefgh", "i"},
  };
  for (const auto& parts : different) {
    const RateKey key = key_of_parts(parts);
    keys.emplace(key.high, key.low);
  }
  CHECK(keys.size() == std::size(different));
  CHECK_FALSE(key_of_parts({"abc"}, 1) == key_of_parts({"abc"}, 2));
}

TEST_CASE("A hundred thousand keys that count up do not collide") {
  std::set<std::pair<uint64_t, uint64_t>> keys;
  for (int i = 0; i < 100'000; ++i) {
    const RateKey key = key_of_parts({"client-" + std::to_string(i)});
    keys.emplace(key.high, key.low);
  }
  CHECK(keys.size() == 100'000);
}

TEST_CASE("The limiter agrees with a bucket that counts in whole nanoseconds of credit") {
  // The model: a client has credit in nanoseconds of waiting; a call costs `per_call` of it, the burst bounds it. Rates
  // are chosen so that a token is a whole number of nanoseconds: the model is exact.
  Random random(21);
  for (int round = 0; round < 100; ++round) {
    const int64_t per_call = 1'000'000'000 / (int64_t{1} << random.below(9));  // 1 to 256 a second
    const auto burst = static_cast<int64_t>(1 + random.below(30));
    RateLimiter limiter({.rate_per_s = 1e9 / static_cast<double>(per_call), .burst = static_cast<double>(burst)});
    struct Credit {
      int64_t ns;
      Time at;
    };
    std::map<uint64_t, Credit> model;
    Time now = kStart;
    int wrong = 0, allowed = 0, refused = 0;
    for (int step = 0; step < 2000; ++step) {
      // Whole eighths of a token: what the limiter keeps as a fraction is exact too.
      const uint64_t eighths = random.chance(0.02) ? random.below(1000) : random.below(4);
      now += Duration(static_cast<int64_t>(eighths) * (per_call / 8));
      const uint64_t client = random.below(3);
      auto [entry, made] = model.try_emplace(client, Credit{burst * per_call, now});
      Credit& credit = entry->second;
      credit.ns = std::min(credit.ns + (now - credit.at).count(), burst * per_call);
      credit.at = now;
      const bool expected = credit.ns >= per_call;
      if (expected) credit.ns -= per_call;
      wrong += limiter.check({client, client}, now).allowed != expected;
      ++(expected ? allowed : refused);
    }
    CHECK(wrong == 0);
    CHECK(allowed > 0);
    CHECK(refused > 0);
  }
}

}  // namespace tidegate::policy
