// The interface of a cache of results. An unavailable cache is a miss, never an error.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "api/store/object.h"
#include "base/result.h"
#include "net/runtime.h"

namespace tidegate::api {

inline constexpr Duration kResultTtl = 24h;
inline constexpr Duration kCacheCloseTimeout = 2s;

class ResultCache {
 public:
  // Null: a miss.
  using GetCallback = std::function<void(ObjectPtr)>;
  using CheckCallback = std::function<void(Status)>;

  virtual ~ResultCache() = default;
  // The callback runs later, once; destroying the operation cancels it.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) = 0;
  virtual void put(std::string_view key, ObjectPtr object) = 0;
  // Content in this process's memory, for the metric.
  virtual size_t bytes() const = 0;
  // Operations that failed since the start: each was a miss, or was not cached.
  virtual uint64_t errors() const { return 0; }
  // Whether the cache is available now. The callback runs later, once; destroying the operation cancels it.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> check(CheckCallback done) = 0;
  // Waits up to kCacheCloseTimeout for pending puts, then closes; `done` runs later, once, unless the cache is
  // destroyed first. After the call a get() is a miss and a put() has no effect. REQUIRES one call.
  virtual void close(std::function<void()> done) = 0;
};

}  // namespace tidegate::api
