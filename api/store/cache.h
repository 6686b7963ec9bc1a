// Results that are at hand. The service speaks to ResultCache alone; a cache that is away is a miss, never an error.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/store/image.h"
#include "base/result.h"
#include "net/runtime.h"

namespace tidegate::api {

inline constexpr Duration kResultTtl = 24h;
inline constexpr size_t kMemoryCacheBytesMax = 256 << 20;
inline constexpr Duration kCacheCloseTimeout = 2s;

class ResultCache {
 public:
  // Null: not there.
  using GetCallback = std::function<void(ObjectPtr)>;
  using CheckCallback = std::function<void(Status)>;

  virtual ~ResultCache() = default;
  // The callback runs later, once; destroying the operation silences it.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> get(std::string_view key, GetCallback done) = 0;
  virtual void put(std::string_view key, ObjectPtr object) = 0;
  // Of content in this process's memory, for the metric.
  virtual size_t bytes() const = 0;
  // What it could not do since the start: each was a miss, or not kept.
  virtual uint64_t errors() const { return 0; }
  // Whether it would give and take now. The callback runs later, once; destroying the operation silences it.
  [[nodiscard]] virtual std::unique_ptr<net::Operation> check(CheckCallback done) = 0;
  // Lets what was put get there, for kCacheCloseTimeout at most, and closes; then `done`, later and once, unless the
  // cache is destroyed before. From here on a get() finds nothing, and a put() keeps nothing. REQUIRES one call.
  virtual void close(std::function<void()> done) = 0;
};

// Least recently used goes first; what is older than `ttl` is gone. Pure: the time is an argument.
class LruCache {
 public:
  // `bytes_max`: of all content, kept or about to be; a single object beyond it is not kept.
  LruCache(size_t bytes_max, Duration ttl) : bytes_max_(bytes_max), ttl_(ttl) {}

  ObjectPtr get(std::string_view key, Time now);
  void put(std::string_view key, ObjectPtr object, Time now);

  size_t bytes() const { return bytes_; }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string key;
    ObjectPtr object;
    Time expires_at;
  };
  using Order = std::list<Entry>;  // the most recently used first

  static size_t cost(const Entry& entry);
  void drop(Order::iterator entry);

  const size_t bytes_max_;
  const Duration ttl_;
  size_t bytes_ = 0;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> entries_;  // keys are views into order_
};

// In this process. The runtime outlives it.
class MemoryCache final : public ResultCache {
 public:
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
