// The wait before attempt n: t = min(max, base·2^n), jittered (M. Brooker, "Exponential Backoff And Jitter", 2015).
#pragma once

#include "base/random.h"
#include "base/time.h"

namespace tidegate::policy {

enum class Jitter : uint8_t {
  none,          // t
  full,          // U(0, t)
  equal,         // t/2 + U(0, t/2)
  decorrelated,  // min(max, U(base, 3·previous))
};

struct BackoffConfig {
  Duration base = 100ms;  // > 0
  Duration max = 2s;      // >= base
  Jitter jitter = Jitter::full;
};

class Backoff {
 public:
  explicit Backoff(const BackoffConfig& config) : config_(config) {}
  // The wait before retry `n` (0 = the first retry). `previous`: the wait returned before (decorrelated only).
  Duration delay(int n, Duration previous, Random& random) const;

 private:
  BackoffConfig config_;
};

}  // namespace tidegate::policy
