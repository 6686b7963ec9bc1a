#include "policy/upstream_call.h"

#include <string>
#include <utility>

namespace tidegate::policy {

UpstreamCall::UpstreamCall(const AdmissionPolicy& policy, Admitted admitted, Time now)
    : policy_(&policy), permit_(std::move(admitted.permit)), slot_(std::move(admitted.slot)), begun_at_(now) {}

void UpstreamCall::on_headers(uint16_t status, Duration upstream_time, Time now) {
  status_ = status;
  upstream_time_ = upstream_time;
  if (!permit_.valid()) return;
  const bool failed = policy_->breaker->config().failures.has_status(status);
  if (!failed && !permit_.probe()) return;  // the body may still fail
  report(failed ? Verdict::failure : Verdict::success, now, std::to_string(status), upstream_time);
}

void UpstreamCall::on_complete(Time now) {
  if (policy_->health) policy_->health->note(AttemptResult::response, status_, begun_at_);
  on_discarded(now);
}

void UpstreamCall::on_discarded(Time now) {
  if (permit_.valid()) report(Verdict::success, now, {}, upstream_time_);
  slot_.release();
}

void UpstreamCall::on_switched(Duration upstream_time, Time now) {
  constexpr uint16_t kSwitchingProtocols = 101;
  if (policy_->health) policy_->health->note(AttemptResult::response, kSwitchingProtocols, begun_at_);
  if (permit_.valid()) report(Verdict::success, now, {}, upstream_time);
  slot_.hold_for_tunnel();
}

void UpstreamCall::on_failed(const AttemptFailure& failure, Time now) {
  counts_ = counts_ || failure.result == AttemptResult::connect_failure;
  if (permit_.valid()) {
    const bool hung = is_overdue_probe(now);  // whatever `failures` lists
    const bool failed = failure.upstreams_fault && (hung || policy_->breaker->config().failures.has(failure.result));
    report(failed ? Verdict::failure : Verdict::ignored, now, to_string(failure.result),
           status_ == 0 ? failure.upstream_time : upstream_time_);
  }
  slot_.release();
}

void UpstreamCall::report(Verdict verdict, Time now, std::string_view why, Duration upstream_time) {
  if (!counts_) verdict = Verdict::ignored;
  verdict_ = verdict != Verdict::ignored && is_overdue_probe(now) ? Verdict::failure : verdict;
  permit_.report(verdict, now, why, upstream_time);
}

void UpstreamCall::abandon() {
  permit_ = Permit();
  slot_.release();
}

}  // namespace tidegate::policy
