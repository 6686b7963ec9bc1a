// What one request is counted and logged as: the route's metrics when it begins and when it ends, and its line in the
// access log. Belongs to its exchange.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "core/routing/route_table.h"
#include "core/upstream/forward.h"
#include "http/message/head.h"
#include "policy/plan.h"

namespace tidegate::core {

class RequestRecord {
 public:
  // Counts the request as begun. The route outlives the record.
  RequestRecord(const RouteState& route, const IpAddress& client, Time now);

  // Why the request ends as it does, for the log; the last reason counts.
  void failed(std::string reason) { reason_ = std::move(reason); }
  void attempt_begun(size_t endpoint) { endpoint_ = endpoint; }
  void attempt_failed(policy::Outcome outcome, std::string reason);
  // Not relayed, but parked, refused, or responded to by the route. What its last attempt came to is added where that
  // is another reason.
  void not_relayed(policy::Outcome why);
  void response_bytes(uint64_t count) { response_bytes_ += count; }
  // The upstream has switched to that protocol, which outlives the record: to here it is a request, whose duration is
  // counted; then a tunnel, which is counted as open until the end.
  void tunnel_opened(Time now, std::string_view protocol);
  void tunnel_bytes(uint64_t to_client, uint64_t to_upstream);
  void became_job(const std::string& id) { job_id_ = id; }

  const IpAddress& client() const { return client_; }
  // Of the upstream's endpoints, that of the last attempt; none: there was no attempt.
  std::optional<size_t> last_endpoint() const { return endpoint_; }

  // Counts and logs the end. `plan`: null where the request was refused before it had one.
  void end(policy::Outcome outcome, uint16_t status, const policy::Plan* plan, const http::RequestHead& head,
           const RequestContext& context, Time now, const config::Log& log) const;

 private:
  std::string reason(const RequestContext& context, policy::Outcome outcome, uint16_t status) const;
  std::string_view endpoint_name() const;
  void count_decisions(const policy::Plan& plan) const;

  const RouteState& route_;
  const IpAddress client_;
  const Time begun_;
  std::optional<size_t> endpoint_;
  std::optional<policy::Outcome> attempt_outcome_;  // of the last attempt, where it failed
  std::string reason_;
  uint64_t response_bytes_ = 0;
  std::optional<Time> switched_;
  std::string_view protocol_;       // of the tunnel
  uint64_t bytes_from_client_ = 0;  // in it
  std::string job_id_;              // "": it has become none
};

}  // namespace tidegate::core
