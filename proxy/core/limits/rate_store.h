// A Redis that holds shared rate limits: one client for each worker (RateStore), and what they know of it together
// (RateStoreHealth, one a store; see Policies).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/limits/shared_limit.h"
#include "policy/rate_limit.h"
#include "redis/client.h"

namespace tidegate::core {

// Thread-safe. A store is up while any worker is served by it. A change is logged once, whatever the number of workers
// and requests that meet it.
class RateStoreHealth {
 public:
  explicit RateStoreHealth(redis::Address address);

  const redis::Address& address() const { return address_; }
  // Where it is rediss://.
  const net::TlsServer& tls() const { return tls_; }
  bool up() const;
  // Why it is not, by the worker that has reported last; "" where it is up, or nobody has reported yet.
  std::string why_unavailable() const;
  void report(const void* worker, bool up, const std::string& why);
  void leave(const void* worker);

 private:
  bool any_up() const;  // REQUIRES that mutex_ is held

  const redis::Address address_;
  const net::TlsServer tls_;
  mutable std::mutex mutex_;
  std::map<const void*, bool> workers_;
  std::optional<bool> told_;  // the last that was logged
  std::string why_;
};

// Belongs to its loop's thread.
class RateStore {
 public:
  // None: the store could not say, for whatever reason.
  using Callback = std::function<void(std::optional<policy::RateDecision>)>;

  // Both outlive the store.
  RateStore(net::Runtime& runtime, RateStoreHealth& health);
  ~RateStore();

  // False: it is known to be unavailable, and nobody should wait for it.
  bool usable() const { return client_.ready(); }
  // Takes one request of the limit for `key` (SharedKey::hex()). The callback runs later, within a second. Destroying
  // the operation guarantees silence; the request may be counted all the same.
  [[nodiscard]] std::unique_ptr<net::Operation> ask(const SharedLimit& limit, const std::string& key, Callback done);

 private:
  std::optional<policy::RateDecision> on_reply(const Result<redis::Reply>& reply);
  void report(bool up, const std::string& why);

  RateStoreHealth& health_;
  redis::Client client_;
  std::string member_;  // begins the name of every call of this client
  uint64_t asked_ = 0;
  std::optional<bool> reported_;
  std::string why_reported_;
};

}  // namespace tidegate::core
