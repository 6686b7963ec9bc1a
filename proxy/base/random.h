// A small seeded generator (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64). For jitter, balancing and
// simulation; never for secrets: job ids come from net::Runtime::random_id.
#pragma once

#include <cstdint>

namespace tidegate {

class Random {
 public:
  explicit Random(uint64_t seed);

  uint64_t next();

  // Uniform in [0, bound). REQUIRES bound > 0.
  uint64_t below(uint64_t bound);

  // Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // True with probability p in [0, 1].
  bool chance(double p) { return uniform() < p; }

 private:
  uint64_t state_[4];
};

}  // namespace tidegate
