#include "policy/retry_budget.h"

#include <algorithm>

namespace tidegate::policy {

namespace {

int64_t second_of(Time now) { return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count(); }

template <typename Slots>
auto& slot_of(Slots& slots, int64_t second) {
  const auto count = static_cast<int64_t>(slots.size());
  return slots[static_cast<size_t>(((second % count) + count) % count)];
}

}  // namespace

void RetryBudget::first_attempt(Time now) {
  const int64_t second = second_of(now);
  const std::lock_guard lock(mutex_);
  Slot& slot = slot_of(slots_, second);
  if (slot.second != second) slot = {second, 0, 0};
  ++slot.firsts;
}

RetryBudget::Sums RetryBudget::sums(int64_t second) const {
  Sums sums;
  for (const Slot& slot : slots_) {
    if (slot.second <= second - kSeconds || slot.second > second) continue;
    sums.allowed += static_cast<double>(slot.firsts) * config_.ratio;
    sums.used += static_cast<double>(slot.retries);
  }
  sums.allowed += config_.min_per_second * kSeconds;
  return sums;
}

bool RetryBudget::try_retry(Time now) {
  const int64_t second = second_of(now);
  const std::lock_guard lock(mutex_);
  const Sums total = sums(second);
  if (total.used + 1 > total.allowed) return false;
  Slot& slot = slot_of(slots_, second);
  if (slot.second != second) slot = {second, 0, 0};
  ++slot.retries;
  return true;
}

double RetryBudget::remaining_ratio(Time now) const {
  const std::lock_guard lock(mutex_);
  const Sums total = sums(second_of(now));
  return total.allowed <= 0 ? 0 : std::clamp(1 - total.used / total.allowed, 0.0, 1.0);
}

}  // namespace tidegate::policy
