// Admission: what a call needs before it may be sent to its upstream, acquired in one order.
//
//   breaker, a look ──▶ bulkhead slot ──▶ breaker permit ──▶ Admitted
//      └─ BreakerRefusal    └─ NoSlot        └─ BreakerRefusal
//
// The breaker comes first so that nobody waits for a slot only to be refused; the permit comes last so that a probe is
// not held by a call that still waits for its slot. Live requests and replayed jobs are admitted here alike; what
// differs is said by Caller.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <variant>

#include "policy/breaker.h"
#include "policy/bulkhead.h"

namespace tidegate::policy {

// Who would rather make the probe calls of a breaker that is due than have a live request make them.
class ProbeSource {
 public:
  virtual bool wants_probe() const = 0;

 protected:
  ~ProbeSource() = default;
};

// When the last call began that an upstream served well, for whomever: a live request or a job, on any route and any
// worker of this process. By it a job's failed attempt is the job's fault, or an outage's. Thread-safe and lock-free;
// knows nothing at first.
//
// It succeeds by a response that would be a job's result. What a breaker counts as a failure is the breaker's own
// setting, and plays no part here.
class UpstreamHealth {
 public:
  // A call that began at `begun_at` has ended. In an outage, what began before it may still end well: so its beginning
  // counts.
  void note(AttemptResult result, uint16_t status, Time begun_at) {
    if (result != AttemptResult::response || !is_result(status)) return;
    const Time::rep begun = begun_at.time_since_epoch().count();
    Time::rep last = last_success_.load(std::memory_order_relaxed);
    while (last < begun && !last_success_.compare_exchange_weak(last, begun, std::memory_order_relaxed)) {
    }
  }
  // Whether a call that began after `since` has succeeded. False as long as no success has been seen.
  bool succeeded_since(Time since) const {
    return last_success_.load(std::memory_order_relaxed) > since.time_since_epoch().count();
  }

 private:
  std::atomic<Time::rep> last_success_{Time::min().time_since_epoch().count()};
};

// What guards an upstream, and what is known of it.
struct AdmissionPolicy {
  std::shared_ptr<Breaker> breaker;        // null: none
  std::shared_ptr<Bulkhead> bulkhead;      // null: none
  std::shared_ptr<UpstreamHealth> health;  // null: nobody keeps it
  const ProbeSource* probes = nullptr;     // null: live requests probe
};

enum class Caller : uint8_t {
  live_request,  // its refusals are counted, it leaves a due probe to a job, and it may wait in the bulkhead's queue
  replayed_job,  // it takes spare slots only
};

struct Admitted {
  Slot slot;      // not valid: there is no bulkhead
  Permit permit;  // not valid: there is no breaker
};
struct NoSlot {};
using Admission = std::variant<Admitted, BreakerRefusal, NoSlot>;

Admission admit(const AdmissionPolicy& policy, Caller caller, Time now);

// Whether a live request would be refused now, by the breaker: a look before the request's body is awaited, which
// acquires nothing. Counted as a refusal.
std::optional<BreakerRefusal> refusal_before_body(const AdmissionPolicy& policy, Time now);

// The second half, for a call that has waited for its slot. A refusal gives the slot back.
Admission admit_with_slot(const AdmissionPolicy& policy, Slot slot, Time now);

}  // namespace tidegate::policy
