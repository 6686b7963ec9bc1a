// The cache of a single process, without a server.
#pragma once

#include "api/cache/lru_cache.h"
#include "api/cache/result_cache.h"

namespace tidegate::api {

inline constexpr size_t kMemoryCacheBytesMax = 256 << 20;

class MemoryCache final : public ResultCache {
 public:
  // The runtime must outlive the cache.
  explicit MemoryCache(net::Runtime& runtime, size_t bytes_max = kMemoryCacheBytesMax, Duration ttl = kResultTtl)
      : runtime_(runtime), lru_(bytes_max, ttl) {}

  std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) override;
  void put(std::string_view key, ObjectPtr object) override;
  size_t bytes() const override { return lru_.bytes(); }
  std::unique_ptr<net::Operation> check(CheckCallback done) override;
  void close(std::function<void()> done) override;

 private:
  net::Runtime& runtime_;
  LruCache lru_;
  bool closed_ = false;
};

}  // namespace tidegate::api
