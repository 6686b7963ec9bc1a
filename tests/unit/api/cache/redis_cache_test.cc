// The cache in Redis with a failing server: a miss, never an error, and it recovers with the server.
#include "api/cache/redis_cache.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "api/cache/cached_value.h"
#include "base/log.h"
#include "net/uv/uv_runtime.h"
#include "support/redis_server.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::RedisServer;

ObjectPtr object(std::string bytes, std::string type = "image/png") {
  return std::make_shared<Object>(Object{std::move(type), std::move(bytes)});
}

struct Fixture {
  explicit Fixture(const RedisCacheOptions& options = {}) {
    log_set_sink([this](LogLevel, std::string_view line) { log += line; });
    cache.emplace(runtime, server.address(), options);
    until([&] { return cache->connected(); });
  }
  ~Fixture() { log_set_sink({}); }

  void until(const std::function<bool()>& condition) {
    while (!condition()) runtime.run_once();
  }
  ObjectPtr get(const std::string& key = "a") {
    std::optional<ObjectPtr> found;
    const auto operation = cache->get(key, [&](ObjectPtr what) { found = std::move(what); });
    until([&] { return found.has_value(); });
    return *found;
  }
  Status check() {
    std::optional<Status> result;
    const auto operation = cache->check([&](Status status) { result = std::move(status); });
    until([&] { return result.has_value(); });
    return *result;
  }
  void put(const std::string& bytes) {
    cache->put("a", object(bytes));
    until([&] { return cache->writes_pending() == 0; });
  }

  std::string log;
  RedisServer server;
  net::UvRuntime runtime;
  std::optional<RedisCache> cache;
};

const std::string kKey = "watermark:result:a";

}  // namespace

TEST_CASE("the value format is self-describing, and a damaged value is detected") {
  for (const auto& [bytes, type] : {std::pair<std::string, std::string>{"", ""},
                                    {"picture", "image/png"},
                                    {std::string("\0\xFF", 2), std::string(255, 't')}}) {
    const ObjectPtr found = from_cached_value(to_cached_value({type, bytes}));
    REQUIRE(found != nullptr);
    CHECK(found->bytes == bytes);
    CHECK(found->content_type == type);
  }
  const std::string value = to_cached_value({"image/png", "picture"});
  for (size_t i = 0; i < value.size(); ++i) {
    CAPTURE(i);
    std::string damaged = value;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    CHECK(from_cached_value(damaged) == nullptr);
    CHECK(from_cached_value(value.substr(0, i)) == nullptr);
    CHECK(from_cached_value(value.substr(i + 1)) == nullptr);
  }
  CHECK(from_cached_value(value + "x") == nullptr);
  CHECK(from_cached_value(std::string(17, '\xFF') + "TGR1") == nullptr);
}

TEST_CASE("results expire after 24 hours") {
  NEEDS_REDIS();
  Fixture fixture;
  fixture.put("picture");
  const auto left_ms = fixture.server.ask({"PTTL", kKey}).integer;
  CHECK(left_ms > 23 * 3600 * 1000);
  CHECK(left_ms <= 24 * 3600 * 1000);
}

TEST_CASE("a killed server is a miss at once, and is used again after it recovers") {
  NEEDS_REDIS();
  Fixture fixture;
  fixture.put("before");
  fixture.server.kill();
  fixture.until([&] { return !fixture.cache->connected(); });
  CHECK(fixture.log.find("cache_unavailable") != std::string::npos);
  CHECK(fixture.get() == nullptr);
  CHECK(fixture.check().error().code == ErrorCode::unavailable);
  fixture.put("nobody takes this");
  fixture.server.start();
  fixture.until([&] { return fixture.cache->connected(); });
  CHECK(fixture.check().ok());
  CHECK(fixture.get() == nullptr);
  fixture.put("after");
  REQUIRE(fixture.get() != nullptr);
  CHECK(fixture.get()->bytes == "after");
}

TEST_CASE("a silent server is a miss for pending and for new operations") {
  NEEDS_REDIS();
  Fixture fixture;
  fixture.put("picture");
  fixture.server.pause();
  CHECK(fixture.get() == nullptr);  // by the timeout: the server never responds
  CHECK_FALSE(fixture.cache->connected());
  CHECK(fixture.get() == nullptr);
  CHECK_FALSE(fixture.check().ok());
  fixture.server.resume();
  fixture.until([&] { return fixture.cache->connected(); });
  REQUIRE(fixture.get() != nullptr);
  CHECK(fixture.get()->bytes == "picture");
}

TEST_CASE("commands above the limit of pending ones are a miss") {
  NEEDS_REDIS();
  Fixture fixture({.commands_max = 50});
  fixture.put("picture");
  fixture.server.pause();
  int hits = 0, misses = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < 60; ++i) {
    operations.push_back(fixture.cache->get("a", [&](const ObjectPtr& found) { ++(found ? hits : misses); }));
  }
  fixture.until([&] { return misses == 10; });
  fixture.server.resume();
  fixture.until([&] { return hits + misses == 60; });
  CHECK(hits == 50);
}

TEST_CASE("a damaged value is a miss, is logged, and is deleted") {
  NEEDS_REDIS();
  Fixture fixture;
  fixture.put("picture");
  fixture.server.ask({"SETRANGE", kKey, "2", "X"});
  CHECK(fixture.get() == nullptr);
  CHECK(fixture.log.find("cache_value_damaged") != std::string::npos);
  fixture.until([&] { return fixture.cache->writes_pending() == 0; });
  CHECK(fixture.server.ask({"EXISTS", kKey}).integer == 0);
}

TEST_CASE("a key of another type is a miss, and the next put replaces it") {
  NEEDS_REDIS();
  Fixture fixture;
  fixture.server.ask({"RPUSH", kKey, "x"});
  CHECK(fixture.get() == nullptr);
  CHECK(fixture.log.find("WRONGTYPE") != std::string::npos);
  fixture.put("picture");
  REQUIRE(fixture.get() != nullptr);
  CHECK(fixture.get()->bytes == "picture");
}

TEST_CASE("a picture above the size limit is not cached") {
  NEEDS_REDIS();
  Fixture fixture({.value_bytes_max = 1000});
  fixture.put(std::string(1000, 'x'));
  CHECK(fixture.get() != nullptr);
  fixture.put(std::string(1001, 'y'));
  CHECK(fixture.get()->bytes.size() == 1000);
}

TEST_CASE("an error of a server without memory is logged and has no other effect") {
  NEEDS_REDIS();
  Fixture fixture;
  fixture.server.ask({"CONFIG", "SET", "maxmemory", "1"});
  fixture.put("picture");
  CHECK(fixture.log.find("cache_put_failed") != std::string::npos);
  CHECK(fixture.log.find("OOM") != std::string::npos);
  CHECK(fixture.get() == nullptr);
}

TEST_CASE("closing waits for pending puts") {
  NEEDS_REDIS();
  Fixture fixture;
  for (int i = 0; i < 20; ++i) fixture.cache->put(std::to_string(i), object(std::string(100'000, 'x')));
  bool closed = false;
  fixture.cache->close([&] { closed = true; });
  fixture.until([&] { return closed; });
  CHECK(fixture.server.ask({"DBSIZE"}).integer == 20);
  CHECK_FALSE(fixture.cache->connected());
  CHECK(fixture.log.find("cache_closed_early") == std::string::npos);
  CHECK(fixture.check().error().code == ErrorCode::unavailable);
}

TEST_CASE("closing does not wait for a silent server") {
  NEEDS_REDIS();
  Fixture fixture({.command_timeout = 60s});
  fixture.server.pause();
  fixture.cache->put("a", object("x"));
  bool closed = false;
  fixture.cache->close([&] { closed = true; });
  fixture.until([&] { return closed; });
  CHECK(fixture.log.find("cache_closed_early") != std::string::npos);
}

}  // namespace tidegate::api::test
