#include "core/exchange/request_record.h"

#include <fmt/format.h>

#include "core/access_log.h"

namespace tidegate::core {

using policy::Outcome;

RequestRecord::RequestRecord(const RouteState& route, const IpAddress& client, Time now)
    : route_(route), client_(client), begun_(now) {
  route_.metrics->begun();
}

void RequestRecord::attempt_failed(Outcome outcome, std::string reason) {
  attempt_outcome_ = outcome;
  reason_ = std::move(reason);
}

void RequestRecord::not_relayed(Outcome why) {
  if (attempt_outcome_ == why) return;  // the attempt's own reason says more
  std::string decision = to_string(why);
  if (why == Outcome::bulkhead_full) decision += ": " + route_.policy.bulkhead->view().text();
  reason_ = attempt_outcome_ ? decision + "; last attempt: " + reason_ : std::move(decision);
}

void RequestRecord::tunnel_opened(Time now, std::string_view protocol) {
  switched_ = now;
  protocol_ = protocol;
  route_.metrics->tunnels_changed(1);
}

void RequestRecord::tunnel_bytes(uint64_t to_client, uint64_t to_upstream) {
  response_bytes_ = to_client;
  bytes_from_client_ = to_upstream;
}

void RequestRecord::end(Outcome outcome, uint16_t status, const policy::Plan* plan, const http::RequestHead& head,
                        const RequestContext& context, Time now, const config::Log& log) const {
  const Duration took = now - begun_;
  route_.metrics->ended(head.method, status, outcome, switched_.value_or(now) - begun_);
  if (switched_) route_.metrics->tunnels_changed(-1);
  if (plan) count_decisions(*plan);
  log_access(
      {head, route_.config->name, outcome, status, took, client_, context.request_id, plan ? plan->attempts() : 0,
       endpoint_name(), response_bytes_, reason(context, outcome, status), job_id_, protocol_, bytes_from_client_},
      log);
}

// An upstream that gets an upgrade as an ordinary request says what it likes about it. h2c is an offer, which clients
// make with any request: that it is not taken is no reason.
std::string RequestRecord::reason(const RequestContext& context, Outcome outcome, uint16_t status) const {
  const bool upstream_refuses = outcome == Outcome::proxied && status >= 400;
  const bool wanted = !context.upgrade_refused.empty() && !http::iequals(context.upgrade_refused, "h2c");
  if (!reason_.empty() || !upstream_refuses || !wanted) return reason_;
  return fmt::format("it asked for {}, which `upgrades` of the route has not: sent as an ordinary request",
                     context.upgrade_refused);
}

std::string_view RequestRecord::endpoint_name() const {
  return endpoint_ ? std::string_view(route_.upstream->endpoint(*endpoint_).authority()) : std::string_view();
}

void RequestRecord::count_decisions(const policy::Plan& plan) const {
  if (plan.rate_decision()) route_.metrics->rate_limit(plan.rate_decision()->allowed, plan.would_rate_limit());
  if (plan.would_rate_limit()) route_.metrics->would(Outcome::rate_limited);
  if (plan.would_break()) route_.metrics->would(Outcome::breaker_open);
  if (plan.budget_exhausted()) route_.upstream->metrics().retry(false);
}

}  // namespace tidegate::core
