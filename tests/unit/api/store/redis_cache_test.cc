// The cache in Redis when the server misbehaves: a miss, never an error, and well again when the server is.
#include "api/store/redis_cache.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "api/store/cached_value.h"
#include "base/log.h"
#include "net/uv/uv_runtime.h"
#include "support/redis_server.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::RedisServer;

ObjectPtr object(std::string bytes, std::string type = "image/png") {
  return std::make_shared<Object>(Object{std::move(type), std::move(bytes)});
}

struct Rig {
  explicit Rig(const RedisCacheOptions& options = {}) {
    log_set_sink([this](LogLevel, std::string_view line) { log += line; });
    cache.emplace(runtime, server.address(), options);
    until([&] { return cache->connected(); });
  }
  ~Rig() { log_set_sink({}); }

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

TEST_CASE("a value describes itself, and no damaged one passes for a picture") {
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

TEST_CASE("results are kept for 24 hours") {
  NEEDS_REDIS();
  Rig rig;
  rig.put("picture");
  const auto left_ms = rig.server.ask({"PTTL", kKey}).integer;
  CHECK(left_ms > 23 * 3600 * 1000);
  CHECK(left_ms <= 24 * 3600 * 1000);
}

TEST_CASE("a server that was killed is a miss at once, and is used again when it is back") {
  NEEDS_REDIS();
  Rig rig;
  rig.put("before");
  rig.server.kill();
  rig.until([&] { return !rig.cache->connected(); });
  CHECK(rig.log.find("cache_away") != std::string::npos);
  CHECK(rig.get() == nullptr);
  CHECK(rig.check().error().code == ErrorCode::unavailable);
  rig.put("nobody takes this");
  rig.server.start();
  rig.until([&] { return rig.cache->connected(); });
  CHECK(rig.check().ok());
  CHECK(rig.get() == nullptr);
  rig.put("after");
  REQUIRE(rig.get() != nullptr);
  CHECK(rig.get()->bytes == "after");
}

TEST_CASE("a server that says nothing is a miss, for those who wait and for those who come") {
  NEEDS_REDIS();
  Rig rig;
  rig.put("picture");
  rig.server.pause();
  CHECK(rig.get() == nullptr);  // given up by its own bound: the server would never answer
  CHECK_FALSE(rig.cache->connected());
  CHECK(rig.get() == nullptr);
  CHECK_FALSE(rig.check().ok());
  rig.server.resume();
  rig.until([&] { return rig.cache->connected(); });
  REQUIRE(rig.get() != nullptr);
  CHECK(rig.get()->bytes == "picture");
}

TEST_CASE("more commands than the cache has at once are a miss") {
  NEEDS_REDIS();
  Rig rig({.commands_max = 50});
  rig.put("picture");
  rig.server.pause();
  int hits = 0, misses = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < 60; ++i) {
    operations.push_back(rig.cache->get("a", [&](const ObjectPtr& found) { ++(found ? hits : misses); }));
  }
  rig.until([&] { return misses == 10; });
  rig.server.resume();
  rig.until([&] { return hits + misses == 60; });
  CHECK(hits == 50);
}

TEST_CASE("a damaged value is a miss, is told, and is removed") {
  NEEDS_REDIS();
  Rig rig;
  rig.put("picture");
  rig.server.ask({"SETRANGE", kKey, "2", "X"});
  CHECK(rig.get() == nullptr);
  CHECK(rig.log.find("cache_value_damaged") != std::string::npos);
  rig.until([&] { return rig.cache->writes_pending() == 0; });
  CHECK(rig.server.ask({"EXISTS", kKey}).integer == 0);
}

TEST_CASE("a key of another type is a miss, and the next result takes its place") {
  NEEDS_REDIS();
  Rig rig;
  rig.server.ask({"RPUSH", kKey, "x"});
  CHECK(rig.get() == nullptr);
  CHECK(rig.log.find("WRONGTYPE") != std::string::npos);
  rig.put("picture");
  REQUIRE(rig.get() != nullptr);
  CHECK(rig.get()->bytes == "picture");
}

TEST_CASE("a picture above the limit is not kept") {
  NEEDS_REDIS();
  Rig rig({.value_bytes_max = 1000});
  rig.put(std::string(1000, 'x'));
  CHECK(rig.get() != nullptr);
  rig.put(std::string(1001, 'y'));
  CHECK(rig.get()->bytes.size() == 1000);
}

TEST_CASE("a server without memory refuses, which is told and harms nobody") {
  NEEDS_REDIS();
  Rig rig;
  rig.server.ask({"CONFIG", "SET", "maxmemory", "1"});
  rig.put("picture");
  CHECK(rig.log.find("cache_put_failed") != std::string::npos);
  CHECK(rig.log.find("OOM") != std::string::npos);
  CHECK(rig.get() == nullptr);
}

TEST_CASE("closing waits for what was put") {
  NEEDS_REDIS();
  Rig rig;
  for (int i = 0; i < 20; ++i) rig.cache->put(std::to_string(i), object(std::string(100'000, 'x')));
  bool closed = false;
  rig.cache->close([&] { closed = true; });
  rig.until([&] { return closed; });
  CHECK(rig.server.ask({"DBSIZE"}).integer == 20);
  CHECK_FALSE(rig.cache->connected());
  CHECK(rig.log.find("cache_closed_early") == std::string::npos);
  CHECK(rig.check().error().code == ErrorCode::unavailable);
}

TEST_CASE("closing does not wait for a server that says nothing") {
  NEEDS_REDIS();
  Rig rig({.command_timeout = 60s});
  rig.server.pause();
  rig.cache->put("a", object("x"));
  bool closed = false;
  rig.cache->close([&] { closed = true; });
  rig.until([&] { return closed; });
  CHECK(rig.log.find("cache_closed_early") != std::string::npos);
}

}  // namespace tidegate::api::test
