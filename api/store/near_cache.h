// A shared cache with a small one of this process before it: what is asked for again and again costs the server
// nothing, and does not wait behind what others send it. A key's result never changes, so the near copy cannot be
// wrong.
//
//   get ──▶ near ─miss▶ far ─hit▶ near          put ──▶ near and far
#pragma once

#include <memory>

#include "api/store/cache.h"

namespace tidegate::api {

struct NearCacheOptions {
  size_t bytes_max = 64 << 20;
  Duration ttl = 1h;  // >= 1 ms; by so much a result may outlast the far cache's own
};

class NearCache final : public ResultCache {
 public:
  // The runtime outlives the cache, the cache the operations that it gives.
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
