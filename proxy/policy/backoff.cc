#include "policy/backoff.h"

#include <algorithm>

namespace tidegate::policy {

namespace {

// U(from, to); `from` where the range is empty.
Duration uniform(Duration from, Duration to, Random& random) {
  if (to <= from) return from;
  return from + Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>((to - from).count()) + 1)));
}

}  // namespace

Duration Backoff::delay(int n, Duration previous, Random& random) const {
  Duration t = config_.base;
  for (int i = 0; i < n && t < config_.max; ++i) t *= 2;
  t = std::min(t, config_.max);
  switch (config_.jitter) {
    case Jitter::none: return t;
    case Jitter::full: return uniform(Duration::zero(), t, random);
    case Jitter::equal: return t / 2 + uniform(Duration::zero(), t / 2, random);
    case Jitter::decorrelated:
      return std::min(config_.max, uniform(config_.base, std::max(previous, config_.base) * 3, random));
  }
  return t;
}

}  // namespace tidegate::policy
