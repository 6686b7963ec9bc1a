#include "jobs/rabbit/shelf.h"

#include <algorithm>

#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kRememberedMax = 10'000;
constexpr Duration kOnItsWay = 1s;

WallTime from_ms(int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

}  // namespace

void RabbitShelf::begin_connection() {
  const std::lock_guard lock(mutex_);
  ++connection_;
  ready_.clear();
}

void RabbitShelf::put(RabbitArrival arrival) {
  std::unique_lock lock(mutex_);
  const std::string& id = arrival.message.id;
  on_their_way_.erase(id);
  if (const auto held = held_.find(id); held != held_.end() && held->second.delivery->connection != connection_) {
    held->second.delivery->arrival.tag = arrival.tag;
    held->second.delivery->connection = connection_;
    return;
  }
  const bool hidden = appending_.count(id) > 0;
  DeliveryPtr delivery = make(std::move(arrival));
  ready_.emplace(delivery->order, std::move(delivery));
  if (!hidden) wake(lock);
}

DeliveryPtr RabbitShelf::make(RabbitArrival arrival) {
  auto delivery = std::make_shared<Delivery>();
  delivery->connection = connection_;
  delivery->order = next_order_++;
  delivery->due = from_ms(arrival.message.not_before_ms);
  if (const auto known = not_before_.find(arrival.message.id); known != not_before_.end()) {
    delivery->due = std::max(delivery->due, known->second);
  }
  delivery->arrival = std::move(arrival);
  return delivery;
}

DeliveryPtr RabbitShelf::receive(RabbitArrival arrival) {
  const std::lock_guard lock(mutex_);
  return make(std::move(arrival));
}

std::vector<DeliveryPtr> RabbitShelf::clear_ready() {
  const std::lock_guard lock(mutex_);
  std::vector<DeliveryPtr> all;
  for (auto& [order, delivery] : ready_) all.push_back(std::move(delivery));
  ready_.clear();
  return all;
}

bool RabbitShelf::has_ready() const {
  const std::lock_guard lock(mutex_);
  return !ready_.empty();
}

// What a lost lease held is ready again: its record will say whether it may run.
void RabbitShelf::end_leases(WallTime now) {
  for (auto held = held_.begin(); held != held_.end();) {
    if (held->second.until > now) {
      ++held;
      continue;
    }
    DeliveryPtr& delivery = held->second.delivery;
    if (delivery->connection == connection_) ready_.emplace(delivery->order, std::move(delivery));
    held = held_.erase(held);
  }
  std::erase_if(not_before_, [now](const auto& entry) { return entry.second <= now; });
}

DeliveryPtr RabbitShelf::take(WallTime now) {
  const std::lock_guard lock(mutex_);
  end_leases(now);
  for (auto at = ready_.begin(); at != ready_.end(); ++at) {
    if (!may_be_taken(*at->second, now)) continue;
    DeliveryPtr delivery = std::move(at->second);
    ready_.erase(at);
    return delivery;
  }
  return nullptr;
}

std::optional<WallTime> RabbitShelf::next_due() const {
  const std::lock_guard lock(mutex_);
  std::optional<WallTime> next;
  const auto consider = [&next](WallTime due) { next = std::min(next.value_or(due), due); };
  for (const auto& [order, delivery] : ready_) consider(delivery->due);
  for (const auto& [id, held] : held_) consider(held.until);
  return next;
}

void RabbitShelf::put_back(DeliveryPtr delivery, WallTime due) {
  std::unique_lock lock(mutex_);
  if (delivery->connection != connection_) return;  // it will be delivered again
  delivery->due = due;
  const uint64_t order = delivery->order;
  ready_.emplace(order, std::move(delivery));
  wake(lock);
}

void RabbitShelf::hold(DeliveryPtr delivery, uint64_t claim, WallTime until) {
  const std::lock_guard lock(mutex_);
  const std::string id = delivery->arrival.message.id;
  held_.insert_or_assign(id, Held{std::move(delivery), claim, until});
}

void RabbitShelf::extend(const std::string& id, uint64_t claim, WallTime until) {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(id);
  if (held != held_.end() && held->second.claim == claim) held->second.until = until;
}

DeliveryPtr RabbitShelf::held(const std::string& id, uint64_t claim) const {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(id);
  return held != held_.end() && held->second.claim == claim ? held->second.delivery : nullptr;
}

DeliveryPtr RabbitShelf::let_go(const std::string& id, uint64_t claim) {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(id);
  if (held == held_.end() || held->second.claim != claim) return nullptr;
  DeliveryPtr delivery = std::move(held->second.delivery);
  held_.erase(held);
  return delivery;
}

void RabbitShelf::remember(const std::string& id, WallTime due) {
  const std::lock_guard lock(mutex_);
  if (not_before_.size() < kRememberedMax) not_before_[id] = due;
}

bool RabbitShelf::may_be_taken(const Delivery& delivery, WallTime now) const {
  return delivery.due <= now && appending_.count(delivery.arrival.message.id) == 0;
}

void RabbitShelf::wait(std::shared_ptr<PendingCall<Ok>> waiter, WallTime now) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiters_, [](const auto& other) { return other->dropped(); });
    const bool is_here =
        std::any_of(ready_.begin(), ready_.end(), [&](const auto& entry) { return may_be_taken(*entry.second, now); });
    if (!is_here) return waiters_.push_back(std::move(waiter));
  }
  waiter->set(Ok{});
  StoreCall::answer(waiter);
}

void RabbitShelf::wake(std::unique_lock<std::mutex>& lock) {
  const auto waiters = std::exchange(waiters_, {});
  lock.unlock();
  for (const auto& waiter : waiters) {
    waiter->set(Ok{});
    StoreCall::answer(waiter);
  }
  tell();
}

void RabbitShelf::begin_append(const std::string& id) {
  const std::lock_guard lock(mutex_);
  appending_.insert(id);
}

// Work is told of once: by the delivery, or here where that came first.
void RabbitShelf::end_append(const std::string& id, bool admitted) {
  std::unique_lock lock(mutex_);
  appending_.erase(id);
  const bool is_here = std::any_of(ready_.begin(), ready_.end(),
                                   [&](const auto& entry) { return entry.second->arrival.message.id == id; });
  if (is_here) return wake(lock);
  const bool believed = admitted && on_their_way_.size() < kRememberedMax;
  if (believed) on_their_way_[id] = net::read_monotonic_clock() + kOnItsWay;
}

bool RabbitShelf::expects_delivery() {
  const std::lock_guard lock(mutex_);
  const Time now = net::read_monotonic_clock();
  std::erase_if(on_their_way_, [now](const auto& entry) { return entry.second <= now; });
  return !on_their_way_.empty();
}

uint64_t RabbitShelf::connection() const {
  const std::lock_guard lock(mutex_);
  return connection_;
}

}  // namespace tidegate::jobs
