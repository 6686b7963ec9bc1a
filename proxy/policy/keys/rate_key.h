// Who a rate limit counts: a client, as 128 bits of keyed hash. Tables of any key type cost the same, and cannot be
// attacked by chosen keys.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ip.h"

namespace tidegate::policy {

struct RateKey {
  uint64_t high = 0;
  uint64_t low = 0;
  friend bool operator==(const RateKey&, const RateKey&) = default;
};

// Builds a key from its parts, in order. `secret` is random per process.
class RateKeyBuilder {
 public:
  explicit RateKeyBuilder(uint64_t secret);
  void add(std::string_view part);  // parts do not run together: ("ab","c") differs from ("a","bc")
  void add(const IpAddress& client, int ipv6_prefix_bits);
  RateKey key() const;

 private:
  uint64_t high_;
  uint64_t low_;
};

}  // namespace tidegate::policy
