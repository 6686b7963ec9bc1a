// The state of the connection to RabbitMQ, without the connection: BrokerLoop (broker_loop.h) reports what happens and
// acts on the phase.
//
//   connecting ──connected──▶ settling ──settle time over──▶ available ◀──alarm on / off──▶ blocked
//     ▲     │ failed              │                              │                             │
//     │     ▼                     │ lost                         │ lost                        │ lost
//     └── back_off ◀──────────────┴──────────────────────────────┴─────────────────────────────┘
//
//   any phase ──closed──▶ closed
//
// settling is passed at once where all queues existed, and may be interrupted by blocked.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace tidegate::jobs {

class BrokerState {
 public:
  enum class Phase : uint8_t { connecting, back_off, settling, available, blocked, closed };

  Phase phase() const { return phase_; }
  // Why publishes are refused; "" = available.
  const std::string& unavailable_reason() const { return reason_; }
  // Failed connects and lost connections since the last connect that succeeded.
  int failures() const { return failures_; }
  Time retry_at() const { return retry_at_; }

  // REQUIRES connecting: the broker sends connection.blocked only after a first publish, and events of the connection
  // are read only after this. Queues that were declared just now are not relied on before `settle` has passed.
  void on_connected(Time now, Duration settle);
  // The connect failed, or the connection is lost. Doubles the back-off with each failure.
  void on_failed(Time now, std::string reason);
  void on_blocked(const std::string& reason);
  void on_unblocked(Time now);
  void on_closed();
  // Ends back_off and settling when their time is over; true: the phase has changed.
  bool on_time(Time now);

 private:
  void settle_or_become_available(Time now);

  Phase phase_ = Phase::connecting;
  std::string reason_ = "rabbitmq: not connected yet";
  int failures_ = 0;
  Duration back_off_{};
  Time retry_at_{};
  Time settled_at_{};
};

}  // namespace tidegate::jobs
