#include "api/store/guarded_store.h"

#include <algorithm>
#include <utility>

#include "api/store/next_iteration.h"
#include "base/log.h"

namespace tidegate::api {

namespace {

using policy::BreakerState;
using policy::Verdict;

constexpr char kOpen[] = "the circuit breaker of the store is open";
constexpr Duration kRecheckDelay = 1s;  // until a probe of somebody else has a verdict

Verdict verdict_of(const Error* error) {
  if (error == nullptr) return Verdict::success;
  switch (error->code) {
    case ErrorCode::not_found:
    case ErrorCode::invalid: return Verdict::success;
    case ErrorCode::exhausted:
    case ErrorCode::cancelled: return Verdict::ignored;
    default: return Verdict::failure;
  }
}

}  // namespace

GuardedStore::GuardedStore(net::Runtime& runtime, std::unique_ptr<ObjectStore> store,
                           const GuardedStoreOptions& options)
    : runtime_(runtime),
      breaker_("store", options.breaker, runtime.now(), options.seed),
      store_(std::move(store)),
      probe_at_(runtime, [this] { probe(); }) {}

template <typename T>
std::unique_ptr<net::Operation> GuardedStore::guard(const Begin<T>& begin, std::function<void(Result<T>)> done) {
  auto acquired = breaker_.acquire(runtime_.now());
  announce();
  if (acquired.refused) {
    return on_next_iteration(runtime_, [done = std::move(done)] { done(Error{ErrorCode::unavailable, kOpen}); });
  }
  // Cancelling the operation releases the permit without a verdict.
  const auto permit = std::make_shared<policy::Permit>(std::move(acquired.permit));
  return begin([this, permit, done = std::move(done)](Result<T> result) {
    report(*permit, result.ok() ? nullptr : &result.error());
    done(std::move(result));
  });
}

void GuardedStore::report(policy::Permit& permit, const Error* error) {
  permit.report(verdict_of(error), runtime_.now(), error == nullptr ? "" : error->message);
  announce();
}

std::unique_ptr<net::Operation> GuardedStore::put(std::string name, ObjectPtr object, PutCallback done) {
  return guard<Ok>([&](PutCallback guarded) { return store_->put(name, object, std::move(guarded)); }, std::move(done));
}

std::unique_ptr<net::Operation> GuardedStore::get(std::string name, GetCallback done) {
  return guard<ObjectPtr>([&](GetCallback guarded) { return store_->get(name, std::move(guarded)); }, std::move(done));
}

std::unique_ptr<net::Operation> GuardedStore::exists(std::string name, ExistsCallback done) {
  return guard<bool>([&](ExistsCallback guarded) { return store_->exists(name, std::move(guarded)); }, std::move(done));
}

std::unique_ptr<net::Operation> GuardedStore::remove(std::string name, PutCallback done) {
  return guard<Ok>([&](PutCallback guarded) { return store_->remove(name, std::move(guarded)); }, std::move(done));
}

std::unique_ptr<net::Operation> GuardedStore::check(PutCallback done) {
  if (state() == BreakerState::closed) return store_->check(std::move(done));
  return on_next_iteration(runtime_, [done = std::move(done)] { done(Error{ErrorCode::unavailable, kOpen}); });
}

Duration GuardedStore::retry_after() {
  const auto refusal = breaker_.peek(runtime_.now());
  return refusal ? std::max<Duration>(refusal->retry_after, kRecheckDelay) : store_->retry_after();
}

void GuardedStore::announce() {
  for (const policy::Transition& transition : breaker_.take_transitions().kept) {
    const bool opened = transition.to == BreakerState::open;
    log_event(opened ? LogLevel::warn : LogLevel::info, "breaker_transition",
              {{"breaker", breaker_.name()},
               {"from", std::string_view(to_string(transition.from))},
               {"to", std::string_view(to_string(transition.to))},
               {"reason", std::string_view(to_string(transition.reason))},
               {"detail", transition.detail}});
    if (opened) probe_at_.start_at(transition.at + transition.open_for + 1ms);
  }
}

void GuardedStore::probe() {
  probing_.reset();
  if (state() == BreakerState::closed) return;
  auto acquired = breaker_.acquire(runtime_.now());
  announce();
  if (acquired.refused) return probe_at_.start_after(std::max(acquired.refused->retry_after + 1ms, kRecheckDelay));
  probe_permit_ = std::move(acquired.permit);
  probe_at_.start_after(kRecheckDelay + breaker_.config().half_open_timeout);  // in case the check never calls back
  probing_ = store_->check([this](const Status& status) {
    policy::Permit permit = std::move(probe_permit_);
    report(permit, status.ok() ? nullptr : &status.error());
  });
}

std::optional<StoreCircuit> GuardedStore::circuit() {
  const policy::BreakerView view = breaker_.view(runtime_.now());
  return StoreCircuit{view.state, view.transitions, view.not_permitted};
}

}  // namespace tidegate::api
