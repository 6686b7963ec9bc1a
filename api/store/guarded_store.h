// An object store behind a circuit breaker: while the store fails, everything is refused at once instead of waiting for
// its bounds. An open circuit that is due is tried by the store's own check(), so that no user's upload is spent on it.
//
//   put, get, exists, remove ──▶ breaker ──permit──▶ store ──▶ verdict
//                                   └──refused──▶ unavailable, on the next turn
//
// What is not there, or damaged, was an answer; too much under way says nothing of the store.
#pragma once

#include <memory>
#include <string>

#include "api/store/object_store.h"
#include "net/timer.h"
#include "policy/breaker.h"

namespace tidegate::api {

// Tidegate's own, but for 2 s, however often the probe fails: it costs nobody anything, and a store that is back is
// used.
inline policy::BreakerConfig store_breaker() {
  policy::BreakerConfig config;
  config.open_for = config.open_for_max = 2s;
  return config;
}

struct GuardedStoreOptions {
  policy::BreakerConfig breaker = store_breaker();
  uint64_t seed = 0;  // of the breaker's jitter
};

class GuardedStore final : public ObjectStore {
 public:
  // The runtime outlives the store, the store its operations.
  GuardedStore(net::Runtime& runtime, std::unique_ptr<ObjectStore> store, const GuardedStoreOptions& options);

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override;
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override;
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override;
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override;
  std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) override {
    return store_->presigned_url(name, valid_for);
  }
  // While the circuit is not closed the store would not be asked for anything else: unavailable.
  std::unique_ptr<net::Operation> check(PutCallback done) override;
  Duration retry_after() override;
  // The circuit, and those of the store behind it.
  std::string metrics() override;

  policy::BreakerState state() const { return breaker_.view(runtime_.now()).state; }

 private:
  template <typename T>
  using Begin = std::function<std::unique_ptr<net::Operation>(std::function<void(Result<T>)>)>;

  template <typename T>
  std::unique_ptr<net::Operation> guard(const Begin<T>& begin, std::function<void(Result<T>)> done);
  void report(policy::Permit& permit, const Error* error);
  // Logs what has moved the breaker, and sets the probe's timer; after every call that may have.
  void announce();
  void probe();

  net::Runtime& runtime_;
  policy::Breaker breaker_;
  std::unique_ptr<ObjectStore> store_;
  net::Timer probe_at_;
  policy::Permit probe_permit_;
  std::unique_ptr<net::Operation> probing_;
};

}  // namespace tidegate::api
