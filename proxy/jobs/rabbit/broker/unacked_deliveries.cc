#include "jobs/rabbit/broker/unacked_deliveries.h"

#include <algorithm>

#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kRememberedMax = 10'000;
constexpr Duration kDeliveryExpected = 1s;

}  // namespace

void UnackedDeliveries::begin_connection() {
  const std::lock_guard lock(mutex_);
  ++connection_;
  ready_.clear();
}

void UnackedDeliveries::add(ReceivedMessage received) {
  std::unique_lock lock(mutex_);
  const std::string& id = received.message.id;
  expected_.erase(id);
  if (const auto held = held_.find(id); held != held_.end() && held->second.delivery->connection != connection_) {
    held->second.delivery->received.tag = received.tag;
    held->second.delivery->connection = connection_;
    return;
  }
  const bool hidden = appending_.count(id) > 0;
  DeliveryPtr delivery = make(std::move(received));
  ready_.emplace(delivery->order, std::move(delivery));
  if (!hidden) wake(lock);
}

DeliveryPtr UnackedDeliveries::make(ReceivedMessage received) {
  auto delivery = std::make_shared<Delivery>();
  delivery->connection = connection_;
  delivery->order = next_order_++;
  delivery->due = from_unix_ms(received.message.not_before_ms);
  if (const auto known = not_before_.find(received.message.id); known != not_before_.end()) {
    delivery->due = std::max(delivery->due, known->second);
  }
  delivery->received = std::move(received);
  return delivery;
}

DeliveryPtr UnackedDeliveries::make_delivery(ReceivedMessage received) {
  const std::lock_guard lock(mutex_);
  return make(std::move(received));
}

std::vector<DeliveryPtr> UnackedDeliveries::take_all_ready() {
  const std::lock_guard lock(mutex_);
  std::vector<DeliveryPtr> all;
  for (auto& [order, delivery] : ready_) all.push_back(std::move(delivery));
  ready_.clear();
  return all;
}

bool UnackedDeliveries::has_ready() const {
  const std::lock_guard lock(mutex_);
  return !ready_.empty();
}

// A delivery whose lease is over is ready again: its record says whether it may run.
void UnackedDeliveries::end_leases(WallTime now) {
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

DeliveryPtr UnackedDeliveries::take(WallTime now) {
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

std::optional<WallTime> UnackedDeliveries::next_due() const {
  const std::lock_guard lock(mutex_);
  std::optional<WallTime> next;
  const auto consider = [&next](WallTime due) { next = std::min(next.value_or(due), due); };
  for (const auto& [order, delivery] : ready_) consider(delivery->due);
  for (const auto& [id, held] : held_) consider(held.until);
  return next;
}

void UnackedDeliveries::put_back(DeliveryPtr delivery, WallTime due) {
  std::unique_lock lock(mutex_);
  if (delivery->connection != connection_) return;  // it is delivered again
  delivery->due = due;
  const uint64_t order = delivery->order;
  ready_.emplace(order, std::move(delivery));
  wake(lock);
}

void UnackedDeliveries::hold(DeliveryPtr delivery, uint64_t claim, WallTime until) {
  const std::lock_guard lock(mutex_);
  const std::string id = delivery->received.message.id;
  held_.insert_or_assign(id, Held{std::move(delivery), claim, until});
}

void UnackedDeliveries::extend(const std::string& id, uint64_t claim, WallTime until) {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(id);
  if (held != held_.end() && held->second.claim == claim) held->second.until = until;
}

DeliveryPtr UnackedDeliveries::find_held(const std::string& id, uint64_t claim) const {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(id);
  return held != held_.end() && held->second.claim == claim ? held->second.delivery : nullptr;
}

DeliveryPtr UnackedDeliveries::take_held(const std::string& id, uint64_t claim) {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(id);
  if (held == held_.end() || held->second.claim != claim) return nullptr;
  DeliveryPtr delivery = std::move(held->second.delivery);
  held_.erase(held);
  return delivery;
}

void UnackedDeliveries::remember_due(const std::string& id, WallTime due) {
  const std::lock_guard lock(mutex_);
  if (not_before_.size() < kRememberedMax) not_before_[id] = due;
}

bool UnackedDeliveries::may_be_taken(const Delivery& delivery, WallTime now) const {
  return delivery.due <= now && appending_.count(delivery.received.message.id) == 0;
}

void UnackedDeliveries::notify_when_ready(std::shared_ptr<PendingCall<Ok>> waiter, WallTime now) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(waiters_, [](const auto& other) { return other->dropped(); });
    const bool is_ready =
        std::any_of(ready_.begin(), ready_.end(), [&](const auto& entry) { return may_be_taken(*entry.second, now); });
    if (!is_ready) return waiters_.push_back(std::move(waiter));
  }
  waiter->set(Ok{});
  StoreCall::complete(waiter);
}

void UnackedDeliveries::wake(std::unique_lock<std::mutex>& lock) {
  const auto waiters = std::exchange(waiters_, {});
  lock.unlock();
  for (const auto& waiter : waiters) {
    waiter->set(Ok{});
    StoreCall::complete(waiter);
  }
  announce_work();
}

void UnackedDeliveries::begin_append(const std::string& id) {
  const std::lock_guard lock(mutex_);
  appending_.insert(id);
}

// Work is announced once: by the delivery, or here where the delivery came first.
void UnackedDeliveries::end_append(const std::string& id, bool admitted) {
  std::unique_lock lock(mutex_);
  appending_.erase(id);
  const bool is_ready = std::any_of(ready_.begin(), ready_.end(),
                                    [&](const auto& entry) { return entry.second->received.message.id == id; });
  if (is_ready) return wake(lock);
  const bool believed = admitted && expected_.size() < kRememberedMax;
  if (believed) expected_[id] = net::read_monotonic_clock() + kDeliveryExpected;
}

bool UnackedDeliveries::expects_delivery() {
  const std::lock_guard lock(mutex_);
  const Time now = net::read_monotonic_clock();
  std::erase_if(expected_, [now](const auto& entry) { return entry.second <= now; });
  return !expected_.empty();
}

uint64_t UnackedDeliveries::connection_number() const {
  const std::lock_guard lock(mutex_);
  return connection_;
}

}  // namespace tidegate::jobs
