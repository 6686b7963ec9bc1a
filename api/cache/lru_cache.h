// A map bounded in bytes: the least recently used entry is evicted first, and entries expire. Pure: the time is an
// argument.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "api/store/object.h"
#include "base/time.h"

namespace tidegate::api {

class LruCache {
 public:
  // `bytes_max`: all entries together; a single object above it is not cached.
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

}  // namespace tidegate::api
