// Whether one endpoint of an upstream should get requests: what health checks, connections and live calls have shown of
// it. Pure: it gets the time, and says what has changed. Belongs to its caller's lock.
//
//   from                  to            when
//   healthy               unavailable   a connect fails
//   unavailable           healthy       a connect succeeds, a response comes, a check is good
//   healthy, unavailable  ejected       consecutive_failures calls in a row have failed, if may_eject()
//   ejected               healthy       its time is over; unavailable: … and no connect has succeeded since one failed
//   all others            unhealthy     unhealthy_after checks in a row have failed
//   unhealthy             healthy       healthy_after checks in a row are good; ejected: … before its ejection ends
//
//                 ┌─────────▶ unavailable ◀─────────┐
//                 ▼                │                ▼
//              healthy ◀───────────┴────────────▶ ejected       and from all three of them to unhealthy
//                 ▲                                 ▲
//                 └─────────── unhealthy ───────────┘
//
// It begins as healthy: nothing is known against it, and a Tidegate that starts beside its upstream must not refuse
// requests until the first checks have been made. Unhealthy and ejected endpoints are out: which requests they get all
// the same, and that unavailable ones are passed over for a moment, is in endpoint_choice.h.
//
// An ejection lasts eject_for times the number of ejections, up to eject_for_max; for each eject_for without one, the
// number falls by one (as Envoy's outlier detection). Checks do not end it: calls have failed, and the path of the
// check may not show why. Calls that began before the endpoint was in again say nothing of how it is now.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "policy/outcome.h"

namespace tidegate::policy {

enum class EndpointState : uint8_t { healthy, unavailable, ejected, unhealthy };
const char* to_string(EndpointState state);

// Gets no requests while another endpoint is not out, and could be connected to a moment ago.
constexpr bool is_out(EndpointState state) {
  return state == EndpointState::ejected || state == EndpointState::unhealthy;
}

struct HealthCheckConfig {
  std::string path = "/health";                  // and query
  Duration interval = 5s;                        // from the begin of a check to that of the next, and at least its end
  Duration timeout = 2s;                         // of one check, connecting included
  int unhealthy_after = 3;                       // failed checks in a row
  int healthy_after = 2;                         // good checks in a row
  Conditions expect = *Conditions::of({"2xx"});  // the statuses of a good check; nothing but statuses
  friend bool operator==(const HealthCheckConfig&, const HealthCheckConfig&) = default;
};

struct EjectionConfig {
  int consecutive_failures = 3;  // fewer than open the breaker, which is about the whole upstream
  Duration eject_for = 30s;
  Duration eject_for_max = 5min;  // at least eject_for
  double max_ejected = 0.5;       // share of the upstream's endpoints
  friend bool operator==(const EjectionConfig&, const EjectionConfig&) = default;
};

// How the machine moved, and why in words.
struct EndpointTransition {
  EndpointState from;
  EndpointState to;
  std::string reason;
};
using EndpointChange = std::optional<EndpointTransition>;

struct EndpointStateView {
  EndpointState state = EndpointState::healthy;
  std::optional<Time> since;     // when it left healthy; none: it is healthy
  uint64_t failed_connects = 0;  // in a row; likewise:
  uint64_t failed_checks = 0;
  int failed_calls = 0;               // that count for an ejection
  std::optional<Time> ejected_until;  // of an ejection, also where it is unhealthy meanwhile
  int ejections = 0;                  // by which the next one is longer
  struct Event {
    Time at;
    std::string reason;  // "": it was good
  };
  std::optional<Event> last_failure;  // of a connect, a check, or a call; also after it has recovered
  std::optional<Event> last_check;
};

class EndpointMachine {
 public:
  // None: it is not checked; it is never ejected.
  EndpointMachine(const std::optional<HealthCheckConfig>& check, const std::optional<EjectionConfig>& ejection)
      : check_(check), ejection_(ejection) {}

  [[nodiscard]] EndpointChange connect_failed(std::string_view reason, Time now);
  // A connect has succeeded, or a response has come.
  [[nodiscard]] EndpointChange reached(Time now);

  // REQUIRES that it is checked.
  [[nodiscard]] EndpointChange check_failed(std::string_view reason, Time now);
  [[nodiscard]] EndpointChange check_succeeded(Time now);

  // A call that began then has failed by the endpoint's fault; `reason`: "" where that of connect_failed() is meant,
  // just before. True: it is due for an ejection, if the other endpoints allow it.
  [[nodiscard]] bool call_failed(std::string_view reason, Time begun, Time now);
  void call_succeeded() { view_.failed_calls = 0; }
  // REQUIRES that it was due just now.
  [[nodiscard]] EndpointChange eject(Time now);

  // Makes the transition of time, due at view().ejected_until.
  [[nodiscard]] EndpointChange advance(Time now);

  const EndpointStateView& view() const { return view_; }

 private:
  EndpointChange move(EndpointState to, Time now, std::string reason);
  void note_failure(std::string_view reason, Time now) { view_.last_failure = {now, std::string(reason)}; }

  const std::optional<HealthCheckConfig> check_;
  const std::optional<EjectionConfig> ejection_;
  EndpointStateView view_;
  int good_checks_ = 0;  // in a row, while it is unhealthy
  Time ejection_ended_at_{};
  Time in_since_ = Time::min();  // it was out before
};

}  // namespace tidegate::policy
