// A cache in this process before another one.
#include "api/store/near_cache.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "net/uv/uv_runtime.h"

namespace tidegate::api::test {

namespace {

ObjectPtr object(std::string bytes) { return std::make_shared<Object>(Object{"image/png", std::move(bytes)}); }

struct Rig {
  explicit Rig(size_t near_bytes_max = 1 << 20) {
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

TEST_CASE("what is put stands near and far") {
  Rig rig;
  const ObjectPtr made = object("x");
  rig.cache->put("a", made);
  CHECK(rig.get(*rig.far, "a") == made);
  CHECK(rig.get(*rig.cache, "a") == made);
}

TEST_CASE("what has been found near is not asked of the far cache again") {
  Rig rig;
  const ObjectPtr first = object("x");
  rig.far->put("a", first);
  CHECK(rig.get(*rig.cache, "a") == first);
  rig.far->put("a", object("as nothing of ours would do it"));
  CHECK(rig.get(*rig.cache, "a") == first);
}

TEST_CASE("what is too large to stand near is found far") {
  Rig rig(100);
  rig.cache->put("a", object(std::string(1000, 'x')));
  REQUIRE(rig.get(*rig.cache, "a") != nullptr);
  CHECK(rig.get(*rig.cache, "a")->bytes.size() == 1000);
}

}  // namespace tidegate::api::test
