// The table of buckets: bounded, least recently used first out, deleting what is idle; checked against a plain list.
#include "policy/keys/key_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <list>

#include "base/random.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{50s};

RateKey key(uint64_t n) { return {n * 7919, n}; }

// Was the key known? Its bucket is marked for next time.
bool touch(BucketTable& table, uint64_t n, Time now = kStart) {
  Bucket& bucket = table.use(key(n), -1, now);
  const bool known = bucket.tokens == static_cast<double>(n);
  bucket.tokens = static_cast<double>(n);
  bucket.last = now;
  return known;
}

}  // namespace

TEST_CASE("A new key gets a fresh bucket, a known one its own") {
  BucketTable table(10);
  CHECK(table.use(key(1), 5, kStart).tokens == 5);
  table.use(key(1), 5, kStart).tokens = 2;
  const Bucket& again = table.use(key(1), 5, kStart + 1s);
  CHECK(again.tokens == 2);
  CHECK(again.last == kStart);
  CHECK(table.size() == 1);
}

TEST_CASE("At the bound the key unused for longest makes room, and use counts as use") {
  BucketTable table(3);
  for (const uint64_t n : {1, 2, 3}) touch(table, n);
  touch(table, 1);
  touch(table, 4);  // 2 goes
  CHECK(table.size() == 3);
  CHECK(touch(table, 1));
  CHECK(touch(table, 3));
  CHECK(touch(table, 4));
  CHECK_FALSE(touch(table, 2));
}

TEST_CASE("A table of one key holds the last") {
  BucketTable table(1);
  for (uint64_t n = 1; n < 100; ++n) {
    CHECK_FALSE(touch(table, n));
    CHECK(touch(table, n));
    CHECK(table.size() == 1);
  }
}

TEST_CASE("Idle keys are deleted, oldest first, at most `count` of them") {
  BucketTable table(100);
  for (uint64_t n = 0; n < 10; ++n) touch(table, n, kStart + n * 1s);
  table.forget(kStart, 100);
  CHECK(table.size() == 10);
  table.forget(kStart + 5s, 2);
  CHECK(table.size() == 8);
  table.forget(kStart + 5s, 100);
  CHECK(table.size() == 5);
  CHECK_FALSE(touch(table, 4, kStart + 20s));
  CHECK(touch(table, 5, kStart + 20s));
  table.forget(kStart + 1h, 100);
  CHECK(table.size() == 0);
  CHECK_FALSE(touch(table, 5));
}

TEST_CASE("Keys that fall on the same slot, in whatever order they are deleted, stay distinct") {
  // The slot comes from the low bits: these all collide in a small table, and wrap around its end.
  BucketTable table(6);
  const auto colliding = [](uint64_t n) { return RateKey{n, 15 + 16 * 1024 * n}; };
  for (uint64_t n = 0; n < 200; ++n) {
    table.use(colliding(n), static_cast<double>(n), kStart);
    for (uint64_t back = 0; back < std::min<uint64_t>(n + 1, 6); ++back) {
      CHECK(table.use(colliding(n - back), -1, kStart).tokens == static_cast<double>(n - back));
    }
    // Their order of use is now reversed: the newest is the next to go.
    for (uint64_t back = std::min<uint64_t>(n, 5) + 1; back-- > 0;) table.use(colliding(n - back), -1, kStart);
  }
  CHECK(table.size() == 6);
}

TEST_CASE("The table agrees with a plain list over random use") {
  Random random(3);
  for (const uint32_t bound : {1u, 2u, 17u, 300u}) {
    CAPTURE(bound);
    BucketTable table(bound);
    struct Entry {
      uint64_t n;
      Time last;
    };
    std::list<Entry> model;  // newest first
    Time now = kStart;
    for (int step = 0; step < 20'000; ++step) {
      now += Duration(static_cast<int64_t>(random.below(1000)));
      if (random.chance(0.05)) {
        const Time before = now - Duration(static_cast<int64_t>(random.below(200'000)));
        table.forget(before, 3);
        for (int i = 0; i < 3 && !model.empty() && model.back().last < before; ++i) model.pop_back();
      } else {
        const uint64_t n = random.below(bound * 2);
        const auto found = std::find_if(model.begin(), model.end(), [&](const Entry& e) { return e.n == n; });
        const bool known = found != model.end();
        if (known) model.erase(found);
        if (model.size() == bound) model.pop_back();
        model.push_front({n, now});
        REQUIRE(touch(table, n, now) == known);
      }
      REQUIRE(table.size() == model.size());
    }
  }
}

}  // namespace tidegate::policy
