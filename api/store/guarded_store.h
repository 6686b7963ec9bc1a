// An object store behind a circuit breaker: while the store fails, operations are refused at once instead of waiting
// for their timeouts. The probe of an open circuit is the store's check(), so that no client's upload is spent on it.
//
//   put, get, exists, remove ──▶ breaker ──permit──▶ store ──▶ verdict
//                                   └──refused──▶ unavailable, on the next event-loop iteration
//
// A missing or damaged object is a response, so it counts as success. Too many operations at once count as neither.
#pragma once

#include <memory>
#include <string>

#include "api/store/object_store.h"
#include "net/timer.h"
#include "policy/breaker.h"

namespace tidegate::api {

// Tidegate's defaults, except that the circuit is probed every 2 s however often the probe fails: a probe costs little,
// and a recovered store is used soon.
inline policy::BreakerConfig store_breaker() {
  policy::BreakerConfig config;
  config.open_for = config.open_for_max = 2s;
  return config;
}

struct GuardedStoreOptions {
  policy::BreakerConfig breaker = store_breaker();
  uint64_t seed = 0;  // for the jitter of the breaker
};

class GuardedStore final : public ObjectStore {
 public:
  // The runtime must outlive the store, the store its operations.
  GuardedStore(net::Runtime& runtime, std::unique_ptr<ObjectStore> store, const GuardedStoreOptions& options);

  std::unique_ptr<net::Operation> put(std::string name, ObjectPtr object, PutCallback done) override;
  std::unique_ptr<net::Operation> get(std::string name, GetCallback done) override;
  std::unique_ptr<net::Operation> exists(std::string name, ExistsCallback done) override;
  std::unique_ptr<net::Operation> remove(std::string name, PutCallback done) override;
  std::optional<std::string> presigned_url(const std::string& name, Duration valid_for) override {
    return store_->presigned_url(name, valid_for);
  }
  // Unavailable unless the circuit is closed, as other operations are refused then.
  std::unique_ptr<net::Operation> check(PutCallback done) override;
  Duration retry_after() override;
  std::optional<StoreCircuit> circuit() override;

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
