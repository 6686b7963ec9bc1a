// A route's rate limit that replicas share: the query to its store, and the key of each client there. Immutable; one a
// route, for all workers.
#pragma once

#include <string>
#include <string_view>

#include "base/ip.h"
#include "config/config.h"

namespace tidegate::core {

// Names a client in a store: "tidegate:limit:ROUTE:ALGORITHM:" and 32 hexadecimal digits of a SHA-256. Every replica
// must find the same key, so the secret of the process's own tables cannot serve here. What is hashed begins with what
// all replicas know and few others do: the store's password, and the route. Chosen values cannot be made to collide;
// but where the store has no password, a reader of the store can find out by guessing whether an address is in it.
class SharedKey {
 public:
  explicit SharedKey(std::string_view secret);
  void add(std::string_view part);  // parts do not run together
  void add(const IpAddress& client, int ipv6_prefix_bits);
  std::string hex() const;

 private:
  std::string hashed_;
};

struct SharedLimit {
  // REQUIRES that the route's limit has a store.
  explicit SharedLimit(const config::Route& route);

  policy::RateLimitConfig limit;
  config::OnStoreFailure on_failure;
  std::string key_prefix;
  std::string secret;
};

}  // namespace tidegate::core
