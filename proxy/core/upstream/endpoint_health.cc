#include "core/upstream/endpoint_health.h"

#include "base/log.h"
#include "base/log/throttle.h"

namespace tidegate::core {

using policy::EndpointMachine;
using policy::EndpointState;
using policy::EndpointStateView;
using policy::EndpointTransition;

template <typename Act>
void EndpointHealth::act(Time now, const Act& act) {
  std::unique_lock lock(mutex_);
  const EndpointStateView before = machine_.view();
  const policy::EndpointChange made = act(machine_);
  mirror();
  if (!made) return;
  announce(before, *made, now);
  lock.unlock();
  if (is_out(made->from) != is_out(made->to)) changed_();
}

void EndpointHealth::mirror() {
  const EndpointStateView& view = machine_.view();
  state_.store(view.state, std::memory_order_relaxed);
  has_failed_connects_.store(view.failed_connects > 0, std::memory_order_relaxed);
  has_failed_calls_.store(view.failed_calls > 0, std::memory_order_relaxed);
}

EndpointStateView EndpointHealth::view() const {
  const std::lock_guard lock(mutex_);
  return machine_.view();
}

// An outage whose beginning was not logged, since another was just before it, is logged while it lasts.
void EndpointHealth::connect_failed(std::string_view reason, Time now) {
  const std::lock_guard lock(mutex_);
  static_cast<void>(machine_.connect_failed(reason, now));
  mirror();
  if (machine_.view().state == EndpointState::unavailable) announce_unavailable(reason, now);
}

void EndpointHealth::reached(Time now) {
  if (!has_failed_connects_.load(std::memory_order_relaxed)) return;  // the normal case costs no lock
  act(now, [&](EndpointMachine& machine) { return machine.reached(now); });
}

void EndpointHealth::check_succeeded(Time now) {
  act(now, [&](EndpointMachine& machine) { return machine.check_succeeded(now); });
}

void EndpointHealth::check_failed(std::string_view reason, Time now) {
  act(now, [&](EndpointMachine& machine) { return machine.check_failed(reason, now); });
}

bool EndpointHealth::call_failed(std::string_view reason, Time begun, Time now) {
  const std::lock_guard lock(mutex_);
  const bool due = machine_.call_failed(reason, begun, now);
  mirror();
  return due;
}

void EndpointHealth::call_succeeded() {
  if (!has_failed_calls_.load(std::memory_order_relaxed)) return;  // likewise
  const std::lock_guard lock(mutex_);
  machine_.call_succeeded();
  mirror();
}

void EndpointHealth::eject(Time now) {
  act(now, [&](EndpointMachine& machine) { return is_out(machine.view().state) ? std::nullopt : machine.eject(now); });
}

void EndpointHealth::advance(Time now) {
  act(now, [&](EndpointMachine& machine) { return machine.advance(now); });
}

void EndpointHealth::announce(const EndpointStateView& before, const EndpointTransition& made, Time now) {
  switch (made.to) {
    case EndpointState::unavailable: break;  // from ejected; else connect_failed() announces it
    case EndpointState::ejected:
      if (made.from != EndpointState::unhealthy) metrics_.ejected();  // else it was all the time
      announced_ = true;
      return log_warn("upstream_endpoint_ejected", {{"upstream", upstream_},
                                                    {"endpoint", endpoint_},
                                                    {"reason", made.reason},
                                                    {"ejected_for_s", to_seconds(*machine_.view().ejected_until - now)},
                                                    {"ejections", machine_.view().ejections}});
    case EndpointState::unhealthy:
      announced_ = true;
      return log_warn("upstream_endpoint_unhealthy", {{"upstream", upstream_},
                                                      {"endpoint", endpoint_},
                                                      {"reason", made.reason},
                                                      {"failed_checks", machine_.view().failed_checks}});
    case EndpointState::healthy:
      if (made.from != EndpointState::ejected) return announce_recovered(before, made, now);
      announced_ = false;
      break;
  }
  log_info("upstream_endpoint_returned", {{"upstream", upstream_},
                                          {"endpoint", endpoint_},
                                          {"state", to_string(made.to)},
                                          {"reason", made.reason},
                                          {"unavailable_s", to_seconds(now - before.since.value_or(now))}});
}

void EndpointHealth::announce_unavailable(std::string_view reason, Time now) {
  if (announced_ || (next_unavailable_line_at_ && now < *next_unavailable_line_at_)) return;
  announced_ = true;
  next_unavailable_line_at_ = now + LogThrottle::kInterval;
  log_warn("upstream_endpoint_unavailable", {{"upstream", upstream_}, {"endpoint", endpoint_}, {"reason", reason}});
}

void EndpointHealth::announce_recovered(const EndpointStateView& before, const EndpointTransition& made, Time now) {
  if (!announced_) return;
  announced_ = false;
  log_info("upstream_endpoint_recovered", {{"upstream", upstream_},
                                           {"endpoint", endpoint_},
                                           {"reason", made.reason},
                                           {"failed_connects", before.failed_connects},
                                           {"unavailable_s", to_seconds(now - before.since.value_or(now))}});
}

}  // namespace tidegate::core
