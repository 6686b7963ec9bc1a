// What every cache of results does, whichever it is: MemoryCache, RedisCache on a real server, and
// NearCache before one.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/store/near_cache.h"
#include "api/store/redis_cache.h"
#include "base/log.h"
#include "net/uv/uv_runtime.h"
#include "support/redis_server.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::RedisServer;

ObjectPtr object(std::string bytes, std::string type = "image/png") {
  return std::make_shared<Object>(Object{std::move(type), std::move(bytes)});
}

class MemoryBed {
 public:
  static bool installed() { return true; }
  std::unique_ptr<ResultCache> make(net::Runtime& runtime, Duration ttl = kResultTtl) {
    return std::make_unique<MemoryCache>(runtime, kMemoryCacheBytesMax, ttl);
  }
};

class RedisBed {
 public:
  static bool installed() { return RedisServer::installed(); }
  std::unique_ptr<ResultCache> make(net::Runtime& runtime, Duration ttl = kResultTtl) {
    return std::make_unique<RedisCache>(runtime, server_.address(),
                                        RedisCacheOptions{.ttl = ttl, .command_timeout = 30s});
  }

 private:
  RedisServer server_;
};

class NearBed : public RedisBed {
 public:
  std::unique_ptr<ResultCache> make(net::Runtime& runtime, Duration ttl = kResultTtl) {
    return std::make_unique<NearCache>(runtime, RedisBed::make(runtime, ttl), NearCacheOptions{.ttl = ttl});
  }
};

// A cache that answers.
template <typename Bed>
struct Rig {
  explicit Rig(Duration ttl = kResultTtl) : cache(bed.make(runtime, ttl)) {
    while (!check().ok()) {
    }
  }
  ~Rig() { log_set_sink({}); }

  Status check() {
    std::optional<Status> result;
    const auto operation = cache->check([&](Status status) { result = std::move(status); });
    CHECK_FALSE(result.has_value());
    while (!result) runtime.run_once();
    return *result;
  }
  ObjectPtr get(const std::string& key) {
    std::optional<ObjectPtr> found;
    const auto operation = cache->get(key, [&](ObjectPtr what) { found = std::move(what); });
    CHECK_FALSE(found.has_value());  // never inside the call
    while (!found) runtime.run_once();
    return *found;
  }
  void close() {
    bool closed = false;
    cache->close([&] { closed = true; });
    CHECK_FALSE(closed);
    while (!closed) runtime.run_once();
  }

  bool quiet = (log_set_sink([](LogLevel, std::string_view) {}), true);
  Bed bed;
  net::UvRuntime runtime;
  std::unique_ptr<ResultCache> cache;
};

}  // namespace

#define EACH_CACHE(name) TEST_CASE_TEMPLATE("every cache: " name, Bed, MemoryBed, RedisBed, NearBed)

// Ends the test where the cache's server is not installed.
#define NEEDS_BED()                                         \
  if (!Bed::installed()) {                                  \
    MESSAGE("skipped: redis-server is not installed here"); \
    return;                                                 \
  }                                                         \
  static_assert(true)

EACH_CACHE("what was put comes back with its type, what was not does not") {
  NEEDS_BED();
  Rig<Bed> rig;
  CHECK(rig.get("a") == nullptr);
  std::string bytes;
  for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i);
  rig.cache->put("a", object(bytes, "image/webp"));
  rig.cache->put("empty", object("", ""));
  const ObjectPtr found = rig.get("a");
  REQUIRE(found != nullptr);
  CHECK(found->bytes == bytes);
  CHECK(found->content_type == "image/webp");
  REQUIRE(rig.get("empty") != nullptr);
  CHECK(rig.get("empty")->bytes.empty());
  CHECK(rig.get("b") == nullptr);
}

EACH_CACHE("a second put replaces the first") {
  NEEDS_BED();
  Rig<Bed> rig;
  rig.cache->put("a", object("one"));
  rig.cache->put("a", object("two", "image/jpeg"));
  const ObjectPtr found = rig.get("a");
  REQUIRE(found != nullptr);
  CHECK(found->bytes == "two");
  CHECK(found->content_type == "image/jpeg");
}

EACH_CACHE("what is older than its time is gone") {
  NEEDS_BED();
  Rig<Bed> rig(1ms);
  rig.cache->put("a", object("soon gone"));
  while (rig.get("a") != nullptr) {
  }
  CHECK(rig.get("a") == nullptr);
}

EACH_CACHE("a picture of 32 MiB comes back whole") {
  NEEDS_BED();
  Rig<Bed> rig;
  std::string bytes(32 << 20, ' ');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 7919) >> 5);
  rig.cache->put("large", object(bytes));
  const ObjectPtr found = rig.get("large");
  REQUIRE(found != nullptr);
  CHECK((found->bytes == bytes));
}

EACH_CACHE("many who ask at once are each given their own") {
  NEEDS_BED();
  Rig<Bed> rig;
  constexpr int kCount = 40;
  std::map<int, std::string> found;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < kCount; ++i) rig.cache->put(std::to_string(i), object("picture " + std::to_string(i)));
  REQUIRE(rig.get("0") != nullptr);
  for (int i = 0; i < kCount; ++i) {
    operations.push_back(rig.cache->get(std::to_string(i), [&found, i](const ObjectPtr& what) {
      REQUIRE(what != nullptr);
      found[i] = what->bytes;
    }));
  }
  while (found.size() < kCount) rig.runtime.run_once();
  for (int i = 0; i < kCount; ++i) CHECK(found[i] == "picture " + std::to_string(i));
}

EACH_CACHE("who has gone hears nothing") {
  NEEDS_BED();
  Rig<Bed> rig;
  rig.cache->put("a", object("x"));
  bool heard = false;
  auto get = rig.cache->get("a", [&](const ObjectPtr&) { heard = true; });
  auto check = rig.cache->check([&](const Status&) { heard = true; });
  get.reset();
  check.reset();
  CHECK(rig.get("a") != nullptr);  // asked later, answered later
  CHECK_FALSE(heard);
}

EACH_CACHE("an operation may be destroyed by its own callback") {
  NEEDS_BED();
  Rig<Bed> rig;
  bool heard = false;
  std::unique_ptr<net::Operation> operation;
  operation = rig.cache->get("a", [&](const ObjectPtr&) {
    heard = true;
    operation.reset();
  });
  while (!heard) rig.runtime.run_once();
  CHECK(operation == nullptr);
}

EACH_CACHE("a closed cache finds nothing and takes nothing") {
  NEEDS_BED();
  Rig<Bed> rig;
  rig.cache->put("a", object("x"));
  rig.close();
  CHECK(rig.get("a") == nullptr);
  rig.cache->put("b", object("x"));
  CHECK(rig.get("b") == nullptr);
}

}  // namespace tidegate::api::test
