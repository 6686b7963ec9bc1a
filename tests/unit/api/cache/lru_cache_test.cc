#include "api/cache/lru_cache.h"
#include "api/cache/memory_cache.h"

#include <doctest/doctest.h>

#include <optional>

#include "net/uv/uv_runtime.h"

namespace tidegate::api::test {

namespace {

constexpr size_t kRoomForTwo = 3000;  // entries of 1000 bytes, with their overhead

ObjectPtr picture(size_t size = 1000) { return std::make_shared<Object>(Object{"image/png", std::string(size, 'x')}); }

}  // namespace

TEST_CASE("an entry is found until it expires") {
  LruCache cache(kRoomForTwo, 24h);
  const Time start{};
  const ObjectPtr put = picture();
  cache.put("a", put, start);
  CHECK(cache.get("a", start) == put);
  CHECK(cache.get("b", start) == nullptr);
  CHECK(cache.get("a", start + 24h - 1ns) == put);
  CHECK(cache.get("a", start + 24h) == nullptr);
  CHECK(cache.size() == 0);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("the least recently used entry is evicted first") {
  LruCache cache(kRoomForTwo, 24h);
  const Time now{};
  cache.put("a", picture(), now);
  cache.put("b", picture(), now);
  CHECK(cache.get("a", now) != nullptr);
  cache.put("c", picture(), now);
  CHECK(cache.get("b", now) == nullptr);
  CHECK(cache.get("a", now) != nullptr);
  CHECK(cache.get("c", now) != nullptr);
}

TEST_CASE("the cache never exceeds its limit in bytes") {
  LruCache cache(kRoomForTwo, 24h);
  const Time now{};
  for (int i = 0; i < 100; ++i) {
    cache.put(std::to_string(i), picture(static_cast<size_t>(i) * 50), now);
    CHECK(cache.bytes() <= kRoomForTwo);
  }
  cache.put("small", picture(10), now);
  cache.put("huge", picture(kRoomForTwo), now);
  CHECK(cache.get("huge", now) == nullptr);
  CHECK(cache.get("small", now) != nullptr);
}

TEST_CASE("a second put replaces the entry and restarts its expiry") {
  LruCache cache(kRoomForTwo, 24h);
  const Time start{};
  cache.put("a", picture(500), start);
  const ObjectPtr second = picture(700);
  cache.put("a", second, start + 1h);
  CHECK(cache.size() == 1);
  CHECK(cache.get("a", start + 24h) == second);
}

TEST_CASE("the memory cache calls back later, and not after the operation is destroyed") {
  net::UvRuntime runtime;
  MemoryCache cache(runtime, kRoomForTwo);
  const ObjectPtr put = picture();
  cache.put("a", put);
  bool cancelled_called = false;
  std::optional<ObjectPtr> found;
  auto cancelled = cache.get("a", [&](ObjectPtr) { cancelled_called = true; });
  const auto kept = cache.get("a", [&](ObjectPtr object) { found = std::move(object); });
  CHECK_FALSE(found.has_value());
  cancelled.reset();
  while (!found) runtime.run_once();
  CHECK(*found == put);
  CHECK_FALSE(cancelled_called);
}

TEST_CASE("the memory cache is always available, and closes on the next event-loop iteration") {
  net::UvRuntime runtime;
  MemoryCache cache(runtime, kRoomForTwo);
  bool cancelled_called = false;
  std::optional<bool> well;
  auto cancelled = cache.check([&](const Status&) { cancelled_called = true; });
  const auto kept = cache.check([&](const Status& status) { well = status.ok(); });
  CHECK_FALSE(well.has_value());
  cancelled.reset();
  while (!well) runtime.run_once();
  CHECK(*well);
  CHECK_FALSE(cancelled_called);
  int closed = 0;
  cache.close([&] { ++closed; });
  CHECK(closed == 0);
  while (closed == 0) runtime.run_once();
  CHECK(closed == 1);
}

}  // namespace tidegate::api::test
