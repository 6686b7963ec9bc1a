// The contract of every cache of results: MemoryCache, RedisCache on a real server, and NearCache in front of one.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/cache/memory_cache.h"
#include "api/cache/near_cache.h"
#include "api/cache/redis_cache.h"
#include "base/log.h"
#include "net/uv/uv_runtime.h"
#include "support/redis_server.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::RedisServer;

ObjectPtr object(std::string bytes, std::string type = "image/png") {
  return std::make_shared<Object>(Object{std::move(type), std::move(bytes)});
}

class MemoryBackend {
 public:
  static bool installed() { return true; }
  std::unique_ptr<ResultCache> make(net::Runtime& runtime, Duration ttl = kResultTtl) {
    return std::make_unique<MemoryCache>(runtime, kMemoryCacheBytesMax, ttl);
  }
};

class RedisBackend {
 public:
  static bool installed() { return RedisServer::installed(); }
  std::unique_ptr<ResultCache> make(net::Runtime& runtime, Duration ttl = kResultTtl) {
    return std::make_unique<RedisCache>(runtime, server_.address(),
                                        RedisCacheOptions{.ttl = ttl, .command_timeout = 30s});
  }

 private:
  RedisServer server_;
};

class NearBackend : public RedisBackend {
 public:
  std::unique_ptr<ResultCache> make(net::Runtime& runtime, Duration ttl = kResultTtl) {
    return std::make_unique<NearCache>(runtime, RedisBackend::make(runtime, ttl), NearCacheOptions{.ttl = ttl});
  }
};

// A cache that is available.
template <typename TestedBackend>
struct Fixture {
  explicit Fixture(Duration ttl = kResultTtl) : cache(backend.make(runtime, ttl)) {
    while (!check().ok()) {
    }
  }
  ~Fixture() { log_set_sink({}); }

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
    CHECK_FALSE(found.has_value());  // never during the call
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
  TestedBackend backend;
  net::UvRuntime runtime;
  std::unique_ptr<ResultCache> cache;
};

}  // namespace

#define EACH_CACHE(name) \
  TEST_CASE_TEMPLATE("every cache: " name, TestedBackend, MemoryBackend, RedisBackend, NearBackend)

// Skips the test if the server of the cache is not installed.
#define NEEDS_SERVER()                                      \
  if (!TestedBackend::installed()) {                        \
    MESSAGE("skipped: redis-server is not installed here"); \
    return;                                                 \
  }                                                         \
  static_assert(true)

EACH_CACHE("a get returns what was put, with its type, and nothing else") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  CHECK(fixture.get("a") == nullptr);
  std::string bytes;
  for (int i = 0; i < 1024; ++i) bytes += static_cast<char>(i);
  fixture.cache->put("a", object(bytes, "image/webp"));
  fixture.cache->put("empty", object("", ""));
  const ObjectPtr found = fixture.get("a");
  REQUIRE(found != nullptr);
  CHECK(found->bytes == bytes);
  CHECK(found->content_type == "image/webp");
  REQUIRE(fixture.get("empty") != nullptr);
  CHECK(fixture.get("empty")->bytes.empty());
  CHECK(fixture.get("b") == nullptr);
}

EACH_CACHE("a second put replaces the first") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  fixture.cache->put("a", object("one"));
  fixture.cache->put("a", object("two", "image/jpeg"));
  const ObjectPtr found = fixture.get("a");
  REQUIRE(found != nullptr);
  CHECK(found->bytes == "two");
  CHECK(found->content_type == "image/jpeg");
}

EACH_CACHE("an entry expires") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture(1ms);
  fixture.cache->put("a", object("soon gone"));
  while (fixture.get("a") != nullptr) {
  }
  CHECK(fixture.get("a") == nullptr);
}

EACH_CACHE("a picture of 32 MiB can be cached") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  std::string bytes(32 << 20, ' ');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 7919) >> 5);
  fixture.cache->put("large", object(bytes));
  const ObjectPtr found = fixture.get("large");
  REQUIRE(found != nullptr);
  CHECK((found->bytes == bytes));
}

EACH_CACHE("concurrent gets each return their own entry") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  constexpr int kCount = 40;
  std::map<int, std::string> found;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < kCount; ++i) fixture.cache->put(std::to_string(i), object("picture " + std::to_string(i)));
  REQUIRE(fixture.get("0") != nullptr);
  for (int i = 0; i < kCount; ++i) {
    operations.push_back(fixture.cache->get(std::to_string(i), [&found, i](const ObjectPtr& what) {
      REQUIRE(what != nullptr);
      found[i] = what->bytes;
    }));
  }
  while (found.size() < kCount) fixture.runtime.run_once();
  for (int i = 0; i < kCount; ++i) CHECK(found[i] == "picture " + std::to_string(i));
}

EACH_CACHE("a destroyed operation does not call back") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  fixture.cache->put("a", object("x"));
  bool called = false;
  auto get = fixture.cache->get("a", [&](const ObjectPtr&) { called = true; });
  auto check = fixture.cache->check([&](const Status&) { called = true; });
  get.reset();
  check.reset();
  CHECK(fixture.get("a") != nullptr);  // a later operation finishes later
  CHECK_FALSE(called);
}

EACH_CACHE("an operation may be destroyed by its own callback") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  bool called = false;
  std::unique_ptr<net::Operation> operation;
  operation = fixture.cache->get("a", [&](const ObjectPtr&) {
    called = true;
    operation.reset();
  });
  while (!called) fixture.runtime.run_once();
  CHECK(operation == nullptr);
}

EACH_CACHE("a closed cache misses every get and ignores puts") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  fixture.cache->put("a", object("x"));
  fixture.close();
  CHECK(fixture.get("a") == nullptr);
  fixture.cache->put("b", object("x"));
  CHECK(fixture.get("b") == nullptr);
}

}  // namespace tidegate::api::test
