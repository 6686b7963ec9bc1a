#include "policy/bulkhead.h"

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"

namespace tidegate::policy {

namespace {

constexpr Duration kLiveFor = 1s;  // after a live call, traffic is taken to go on for so long

}  // namespace

Slot::Slot(Slot&& other) noexcept : bulkhead_(std::exchange(other.bulkhead_, nullptr)), use_(other.use_) {}

Slot& Slot::operator=(Slot&& other) noexcept {
  if (this == &other) return *this;
  release();
  bulkhead_ = std::exchange(other.bulkhead_, nullptr);
  use_ = other.use_;
  return *this;
}

void Slot::hold_for_tunnel() {
  if (!bulkhead_) return;
  TG_ASSERT(use_ == Use::live);
  use_ = Use::tunnel;
  const std::lock_guard lock(bulkhead_->mutex_);
  ++bulkhead_->tunnels_;
}

void Slot::release() {
  if (bulkhead_) std::exchange(bulkhead_, nullptr)->give_back(use_);
}

SlotWaiter::~SlotWaiter() { leave(); }

std::optional<Slot> SlotWaiter::take() {
  if (!bulkhead_) return std::nullopt;
  const std::lock_guard lock(bulkhead_->mutex_);
  if (!has_slot_) return std::nullopt;
  has_slot_ = false;
  return Slot(std::exchange(bulkhead_, nullptr));
}

void SlotWaiter::leave() {
  Bulkhead* const bulkhead = bulkhead_;
  if (!bulkhead) return;
  {
    const std::lock_guard lock(bulkhead->mutex_);
    bulkhead_ = nullptr;
    if (!has_slot_) {
      bulkhead->waiters_.erase(position_);
      return;
    }
    has_slot_ = false;
  }
  bulkhead->give_back(Slot::Use::live);
}

bool SlotWaiter::waiting() const {
  if (!bulkhead_) return false;
  const std::lock_guard lock(bulkhead_->mutex_);
  return !has_slot_;
}

Bulkhead::Bulkhead(std::string name, const BulkheadConfig& config) : name_(std::move(name)), config_(config) {}

std::optional<Slot> Bulkhead::acquire() {
  const std::lock_guard lock(mutex_);
  ++live_calls_;
  if (in_use_ >= config_.max_concurrent || !waiters_.empty()) return std::nullopt;
  ++in_use_;
  return Slot(this);
}

std::optional<Slot> Bulkhead::acquire_spare(Time now) {
  const std::lock_guard lock(mutex_);
  if (live_calls_seen_ != live_calls_) live_seen_at_ = now;
  const bool live = in_use_ > spare_in_use_ || (live_calls_ > 0 && now - live_seen_at_ < kLiveFor);
  live_calls_seen_ = live_calls_;
  if (in_use_ >= config_.max_concurrent || !waiters_.empty()) return std::nullopt;
  const int most = live ? config_.max_concurrent / 2 : config_.max_concurrent;
  const bool leaves_one = in_use_ + 1 < config_.max_concurrent;
  if (spare_in_use_ > 0 && (spare_in_use_ >= most || !leaves_one)) return std::nullopt;
  ++in_use_;
  ++spare_in_use_;
  return Slot(this, Slot::Use::job);
}

bool Bulkhead::wait(SlotWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  TG_ASSERT(!waiter.bulkhead_);
  ++live_calls_;
  const bool free_now = in_use_ < config_.max_concurrent && waiters_.empty();
  if (!free_now && static_cast<int>(waiters_.size()) >= config_.max_waiting) return false;
  waiter.bulkhead_ = this;
  if (free_now) {
    ++in_use_;
    waiter.has_slot_ = true;
    waiter.granted();
  } else {
    waiter.position_ = waiters_.insert(waiters_.end(), &waiter);
  }
  return true;
}

void Bulkhead::give_back(Slot::Use use) {
  const std::lock_guard lock(mutex_);
  if (use == Slot::Use::job) --spare_in_use_;
  if (use == Slot::Use::tunnel) --tunnels_;
  TG_ASSERT(in_use_ > 0);
  --in_use_;
  grant_free_slots();
}

// Under the lock. Who has waited longest comes first.
void Bulkhead::grant_free_slots() {
  while (in_use_ < config_.max_concurrent && !waiters_.empty()) {
    SlotWaiter* next = waiters_.front();
    waiters_.pop_front();
    ++in_use_;
    next->has_slot_ = true;
    next->granted();
  }
}

void Bulkhead::reconfigure(const BulkheadConfig& config) {
  const std::lock_guard lock(mutex_);
  config_ = config;
  grant_free_slots();
}

BulkheadConfig Bulkhead::config() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

Bulkhead::View Bulkhead::view() const {
  const std::lock_guard lock(mutex_);
  return {in_use_, static_cast<int>(waiters_.size()), config_.max_concurrent, tunnels_};
}

std::string Bulkhead::View::text() const {
  return fmt::format("{} of {} slots in use, {} of them by tunnels", in_use, limit, tunnels);
}

}  // namespace tidegate::policy
