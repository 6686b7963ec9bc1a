#include "policy/keys/rate_key.h"

#include <algorithm>
#include <cstring>

namespace tidegate::policy {

namespace {

uint64_t mix(uint64_t a, uint64_t b) {
  // One round of murmur3's finalizer over the two: keyed by the secret in `a` from the start.
  uint64_t h = a ^ (b * 0x9e3779b97f4a7c15);
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

}  // namespace

RateKeyBuilder::RateKeyBuilder(uint64_t secret) : high_(mix(secret, 1)), low_(mix(secret, 2)) {}

void RateKeyBuilder::add(std::string_view part) {
  const size_t length = part.size();
  while (!part.empty()) {
    uint64_t word = 0;
    const size_t count = std::min<size_t>(part.size(), 8);
    std::memcpy(&word, part.data(), count);
    high_ = mix(high_, word);
    low_ = mix(low_, ~word);
    part.remove_prefix(count);
  }
  high_ = mix(high_, length + 0x100);
  low_ = mix(low_, length + 0x200);
}

void RateKeyBuilder::add(const IpAddress& client, int ipv6_prefix_bits) {
  const IpAddress key = client.v6 ? client.masked(ipv6_prefix_bits) : client;
  add(std::string_view(reinterpret_cast<const char*>(key.bytes.data()), key.v6 ? 16 : 4));
}

RateKey RateKeyBuilder::key() const { return {high_, low_}; }

}  // namespace tidegate::policy
