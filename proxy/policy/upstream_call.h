// One admitted call to an upstream: its slot, its permit, and the verdict of the breaker, which judges the upstream
// alone. A live request's attempt and a replayed job's run are judged here alike.
//
//   admitted ──on_headers──▶ responding ──on_complete, on_discarded──▶ ended
//      │                         │
//      ├─────────────────────────┴──────────on_failed, abandon───────▶ ended
//      └──on_switched──▶ switched ─────────────────────abandon─────────▲
//
//   what has happened                                                    verdict, once a call
//   response headers, with a status of `failures`                        failure, at once
//   other response headers of a probe                                    success, at once: no stream holds it half open
//   other response headers, then the whole body, or it is not wanted     success
//   another protocol, as the request asked for                           success, at once; later nothing counts
//   … then the upstream broke the body off, or was silent for too long   failure, where `failures` lists it
//   no response headers, by the upstream's fault                         failure, where `failures` lists it; a probe's
//                                                                        without any within its time always is one
//   anything but a failed connection, where the caller is at fault       ignored
//   anything else: the client is slow, late or gone, the time is over    ignored; another call may be the probe
//
// A call is slow by the time that the upstream alone was waited for until its response headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "policy/admission.h"

namespace tidegate::policy {

// Whether a time limit that passed without response headers is the upstream's fault: the upstream alone was waited for
// during at least half of what it is allowed. Less is no evidence: the client was late with its body or asked for a
// short deadline, or most of the time had gone before the attempt.
constexpr bool is_upstreams_timeout(Duration upstream_time, Duration allowed) { return 2 * upstream_time >= allowed; }

class UpstreamCall {
 public:
  UpstreamCall() = default;  // none
  // `policy` outlives the call.
  UpstreamCall(const AdmissionPolicy& policy, Admitted admitted, Time now);

  // The upstream is called only now: what the call waited for since its admission was ours.
  void begin(Time now) { begun_at_ = now; }
  void on_headers(uint16_t status, Duration upstream_time, Time now);
  void on_complete(Time now);   // REQUIRES on_headers(): the response is whole
  void on_discarded(Time now);  // REQUIRES on_headers(): the rest of the response is not wanted
  // The response is a 101, and whole: a success. The slot is held until abandon().
  void on_switched(Duration upstream_time, Time now);
  void on_failed(const AttemptFailure& failure, Time now);
  // REQUIRES no probe, and no verdict yet. The caller is known to fail by its own fault: whatever becomes of the call
  // counts for nothing at the breaker, its success too. But a connection that fails does: no request causes that.
  void count_nothing() { counts_ = false; }
  bool counts() const { return counts_; }
  void abandon();  // everything is given back, and the breaker counts nothing

  // The breaker's; ignored: there is none yet, nothing that counts, or no breaker.
  Verdict verdict() const { return verdict_; }

  bool holds_permit() const { return permit_.valid(); }
  bool holds_slot() const { return slot_.valid(); }
  // A probe that has no verdict yet.
  bool is_probing() const { return permit_.valid() && permit_.probe(); }
  std::optional<Time> probe_until() const { return permit_.probe_until(); }
  // It is a probe without a verdict, and its time is over: whatever counts now is a failure.
  bool is_overdue_probe(Time now) const { return permit_.probe_until() && now >= *permit_.probe_until(); }

 private:
  void report(Verdict verdict, Time now, std::string_view why, Duration upstream_time);

  const AdmissionPolicy* policy_ = nullptr;
  Permit permit_;
  Slot slot_;
  Time begun_at_{};
  uint16_t status_ = 0;       // once the response headers have come
  Duration upstream_time_{};  // until then
  Verdict verdict_ = Verdict::ignored;
  bool counts_ = true;
};

}  // namespace tidegate::policy
