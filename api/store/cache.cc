#include "api/store/cache.h"

namespace tidegate::api {

namespace {

constexpr size_t kEntryOverhead = 256;  // list node, table node, key, control block: about

// Answers on the next turn, as a cache across the network would.
template <typename T>
class NextTurn final : public net::Operation {
 public:
  NextTurn(net::Runtime& runtime, std::function<void(T)> done, T answer)
      : done_(std::move(done)), answer_(std::move(answer)), timer_(runtime, [this] { fire(); }) {
    timer_.start_after(Duration::zero());
  }

 private:
  void fire() {
    const auto done = std::move(done_);  // it may destroy this
    done(std::move(answer_));
  }

  std::function<void(T)> done_;
  T answer_;
  net::Timer timer_;
};

}  // namespace

size_t LruCache::cost(const Entry& entry) { return entry.object->bytes.size() + kEntryOverhead; }

void LruCache::drop(Order::iterator entry) {
  bytes_ -= cost(*entry);
  entries_.erase(entry->key);
  order_.erase(entry);
}

ObjectPtr LruCache::get(std::string_view key, Time now) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  const Order::iterator entry = found->second;
  if (now >= entry->expires_at) {
    drop(entry);
    return nullptr;
  }
  order_.splice(order_.begin(), order_, entry);
  return entry->object;
}

void LruCache::put(std::string_view key, ObjectPtr object, Time now) {
  if (const auto found = entries_.find(key); found != entries_.end()) drop(found->second);
  Entry made{std::string(key), std::move(object), now + ttl_};
  if (cost(made) > bytes_max_) return;
  while (bytes_ + cost(made) > bytes_max_) drop(std::prev(order_.end()));
  bytes_ += cost(made);
  order_.push_front(std::move(made));
  entries_.emplace(order_.front().key, order_.begin());
}

std::unique_ptr<net::Operation> MemoryCache::get(std::string_view key, GetCallback done) {
  return std::make_unique<NextTurn<ObjectPtr>>(runtime_, std::move(done), lru_.get(key, runtime_.now()));
}

std::unique_ptr<net::Operation> MemoryCache::check(CheckCallback done) {
  return std::make_unique<NextTurn<Status>>(runtime_, std::move(done), Ok{});
}

}  // namespace tidegate::api
