// A small cache in memory in front of a shared one: popular results cost the shared server nothing, and do not wait
// behind its other requests. The result of a key never changes, so the near copy is never stale.
//
//   get ──▶ near ─miss▶ far ─hit▶ near          put ──▶ near and far
#pragma once

#include <memory>

#include "api/cache/lru_cache.h"
#include "api/cache/result_cache.h"

namespace tidegate::api {

struct NearCacheOptions {
  size_t bytes_max = 64 << 20;
  Duration ttl = 1h;  // >= 1 ms; a result may outlast its expiry in the far cache by as much
};

class NearCache final : public ResultCache {
 public:
  // The runtime must outlive the cache, the cache its operations.
  NearCache(net::Runtime& runtime, std::unique_ptr<ResultCache> far, const NearCacheOptions& options = {});

  std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) override;
  void put(std::string_view key, ObjectPtr object) override;
  size_t bytes() const override { return near_.bytes() + far_->bytes(); }
  uint64_t errors() const override { return far_->errors(); }
  std::unique_ptr<net::Operation> check(CheckCallback done) override { return far_->check(std::move(done)); }
  void close(std::function<void()> done) override;

 private:
  net::Runtime& runtime_;
  LruCache near_;
  std::unique_ptr<ResultCache> far_;
  bool closed_ = false;
};

}  // namespace tidegate::api
