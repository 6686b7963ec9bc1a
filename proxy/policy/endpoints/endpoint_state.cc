#include "policy/endpoints/endpoint_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"

namespace tidegate::policy {

using State = EndpointState;

const char* to_string(EndpointState state) {
  switch (state) {
    case State::healthy: return "healthy";
    case State::unavailable: return "unavailable";
    case State::ejected: return "ejected";
    case State::unhealthy: return "unhealthy";
  }
  return "unknown";
}

EndpointChange EndpointMachine::move(State to, Time now, std::string reason) {
  const State from = view_.state;
  view_.state = to;
  if (is_out(from) && !is_out(to)) in_since_ = now;
  if (to == State::healthy) {
    view_.since.reset();
  } else if (!view_.since) {
    view_.since = now;
  }
  return EndpointTransition{from, to, std::move(reason)};
}

EndpointChange EndpointMachine::connect_failed(std::string_view reason, Time now) {
  ++view_.failed_connects;
  note_failure(reason, now);
  if (view_.state != State::healthy) return std::nullopt;
  return move(State::unavailable, now, std::string(reason));
}

EndpointChange EndpointMachine::reached(Time now) {
  view_.failed_connects = 0;
  if (view_.state != State::unavailable) return std::nullopt;
  return move(State::healthy, now, "it can be reached again");
}

EndpointChange EndpointMachine::check_failed(std::string_view reason, Time now) {
  TG_ASSERT(check_);
  good_checks_ = 0;
  ++view_.failed_checks;
  note_failure(reason, now);
  view_.last_check = {now, std::string(reason)};
  if (view_.state == State::unhealthy || view_.failed_checks < static_cast<uint64_t>(check_->unhealthy_after))
    return std::nullopt;
  view_.failed_calls = 0;
  return move(State::unhealthy, now, std::string(reason));
}

EndpointChange EndpointMachine::check_succeeded(Time now) {
  TG_ASSERT(check_);
  view_.failed_checks = 0;
  view_.last_check = {now, ""};
  if (view_.state != State::unhealthy) return reached(now);
  view_.failed_connects = 0;
  if (++good_checks_ < check_->healthy_after) return std::nullopt;
  good_checks_ = 0;
  const State next = view_.ejected_until ? State::ejected : State::healthy;
  return move(next, now, fmt::format("{} good health checks in a row", check_->healthy_after));
}

bool EndpointMachine::call_failed(std::string_view reason, Time begun, Time now) {
  if (!reason.empty()) note_failure(reason, now);
  if (!ejection_ || is_out(view_.state) || begun < in_since_) return false;
  view_.failed_calls = std::min(view_.failed_calls + 1, ejection_->consecutive_failures);
  return view_.failed_calls == ejection_->consecutive_failures;
}

EndpointChange EndpointMachine::eject(Time now) {
  TG_ASSERT(ejection_ && !is_out(view_.state) && view_.last_failure);
  const int64_t without = view_.ejections > 0 ? (now - ejection_ended_at_) / ejection_->eject_for : 0;
  const int64_t before = std::max<int64_t>(view_.ejections - without, 0);
  // No further than what makes a difference.
  view_.ejections =
      static_cast<int>(std::min<int64_t>(before + 1, ejection_->eject_for_max / ejection_->eject_for + 1));
  view_.ejected_until = now + std::min(ejection_->eject_for * view_.ejections, ejection_->eject_for_max);
  view_.failed_calls = 0;
  return move(State::ejected, now,
              fmt::format("{} failed calls in a row, the last: {}", ejection_->consecutive_failures,
                          view_.last_failure->reason));
}

EndpointChange EndpointMachine::advance(Time now) {
  if (!view_.ejected_until || now < *view_.ejected_until) return std::nullopt;
  view_.ejected_until.reset();
  ejection_ended_at_ = now;
  if (view_.state != State::ejected) return std::nullopt;
  return move(view_.failed_connects > 0 ? State::unavailable : State::healthy, now, "the time of the ejection is over");
}

}  // namespace tidegate::policy
