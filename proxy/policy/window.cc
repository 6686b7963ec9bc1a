#include "policy/window.h"

#include <algorithm>

namespace tidegate::policy {

CallWindow::CallWindow(Duration length, int buckets)
    : length_(length),
      span_(std::max<Duration>(length / std::max(buckets, 1), 1ns)),
      buckets_(static_cast<size_t>(std::max(buckets, 1))) {}

void CallWindow::restart(Time now) {
  start_ = now;
  newest_ = 0;
  sum_ = {};
  std::fill(buckets_.begin(), buckets_.end(), CallCounts{});
}

void CallWindow::slide(Time now) {
  if (fixed() || now < start_) return;
  const int64_t current = (now - start_) / span_;
  const auto count = static_cast<int64_t>(buckets_.size());
  if (current - newest_ >= count) {
    const Time start = start_;
    restart(start);
    newest_ = current;
    return;
  }
  while (newest_ < current) {
    CallCounts& oldest = buckets_[static_cast<size_t>(++newest_ % count)];
    sum_.calls -= oldest.calls;
    sum_.failures -= oldest.failures;
    sum_.slow -= oldest.slow;
    oldest = {};
  }
}

CallCounts CallWindow::counts_at(Time now) const {
  if (fixed()) return ran_out(now) ? CallCounts{} : sum_;
  CallWindow moved = *this;
  moved.slide(now);
  return moved.sum_;
}

void CallWindow::add(bool failed, bool slow) {
  CallCounts& bucket = buckets_[static_cast<size_t>(newest_ % static_cast<int64_t>(buckets_.size()))];
  for (CallCounts* counts : {&bucket, &sum_}) {
    ++counts->calls;
    counts->failures += failed;
    counts->slow += slow;
  }
}

}  // namespace tidegate::policy
