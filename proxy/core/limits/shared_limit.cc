#include "core/limits/shared_limit.h"

#include "base/ids.h"
#include "base/keyed_hash.h"

namespace tidegate::core {

namespace {

constexpr size_t kKeyBytes = 16;

const char* word(policy::RateAlgorithm algorithm) {
  return algorithm == policy::RateAlgorithm::sliding_window ? "window" : "bucket";
}

}  // namespace

SharedKey::SharedKey(std::string_view secret) { add(secret); }

void SharedKey::add(std::string_view part) { hashed_.append(std::to_string(part.size())).append(":").append(part); }

void SharedKey::add(const IpAddress& client, int ipv6_prefix_bits) {
  const IpAddress key = client.v6 ? client.masked(ipv6_prefix_bits) : client;
  add(std::string_view(reinterpret_cast<const char*>(key.bytes.data()), key.v6 ? 16 : 4));
}

std::string SharedKey::hex() const { return to_hex(sha256(hashed_).data(), kKeyBytes); }

// A limit that is changed keeps its clients' keys, so that replicas of before and after share while they are replaced.
// Its kind of key may not change under a name, so the algorithm is part of it.
SharedLimit::SharedLimit(const config::Route& route)
    : limit(route.rate_limit->limit),
      on_failure(route.rate_limit->on_store_failure),
      key_prefix("tidegate:limit:" + route.name + ":" + word(limit.algorithm) + ":") {
  SharedKey key(route.rate_limit->store->password);
  key.add(route.name);
  secret = key.hex();
}

}  // namespace tidegate::core
