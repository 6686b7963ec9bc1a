// A cache in memory in front of another cache.
#include "api/cache/near_cache.h"
#include "api/cache/memory_cache.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "net/uv/uv_runtime.h"

namespace tidegate::api::test {

namespace {

ObjectPtr object(std::string bytes) { return std::make_shared<Object>(Object{"image/png", std::move(bytes)}); }

struct Fixture {
  explicit Fixture(size_t near_bytes_max = 1 << 20) {
    auto made = std::make_unique<MemoryCache>(runtime);
    far = made.get();
    cache.emplace(runtime, std::move(made), NearCacheOptions{.bytes_max = near_bytes_max});
  }
  ObjectPtr get(ResultCache& from, const std::string& key) {
    std::optional<ObjectPtr> found;
    const auto operation = from.get(key, [&](ObjectPtr what) { found = std::move(what); });
    while (!found) runtime.run_once();
    return *found;
  }

  net::UvRuntime runtime;
  MemoryCache* far = nullptr;
  std::optional<NearCache> cache;
};

}  // namespace

TEST_CASE("a put reaches the near and the far cache") {
  Fixture fixture;
  const ObjectPtr made = object("x");
  fixture.cache->put("a", made);
  CHECK(fixture.get(*fixture.far, "a") == made);
  CHECK(fixture.get(*fixture.cache, "a") == made);
}

TEST_CASE("a result that was fetched once is served from the near cache") {
  Fixture fixture;
  const ObjectPtr first = object("x");
  fixture.far->put("a", first);
  CHECK(fixture.get(*fixture.cache, "a") == first);
  fixture.far->put("a", object("as nothing of ours would do it"));
  CHECK(fixture.get(*fixture.cache, "a") == first);
}

TEST_CASE("a result too large for the near cache is served from the far cache") {
  Fixture fixture(100);
  fixture.cache->put("a", object(std::string(1000, 'x')));
  REQUIRE(fixture.get(*fixture.cache, "a") != nullptr);
  CHECK(fixture.get(*fixture.cache, "a")->bytes.size() == 1000);
}

}  // namespace tidegate::api::test
