#include "jobs/rabbit/broker/broker_state.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kBackOffMin = 100ms, kBackOffMax = 2s;

}  // namespace

void BrokerState::on_connected(Time now, Duration settle) {
  TG_ASSERT(phase_ == Phase::connecting);
  failures_ = 0;
  back_off_ = Duration(0);
  settled_at_ = now + settle;
  settle_or_become_available(now);
}

void BrokerState::settle_or_become_available(Time now) {
  phase_ = now < settled_at_ ? Phase::settling : Phase::available;
  reason_ = phase_ == Phase::settling ? "rabbitmq: its queues have just been declared" : "";
}

void BrokerState::on_failed(Time now, std::string reason) {
  ++failures_;
  back_off_ = std::clamp(back_off_ * 2, kBackOffMin, kBackOffMax);
  retry_at_ = now + back_off_;
  phase_ = Phase::back_off;
  reason_ = std::move(reason);
}

void BrokerState::on_blocked(const std::string& reason) {
  phase_ = Phase::blocked;
  reason_ = "blocked: " + reason;
}

void BrokerState::on_unblocked(Time now) {
  if (phase_ == Phase::blocked) settle_or_become_available(now);
}

void BrokerState::on_closed() {
  phase_ = Phase::closed;
  reason_ = "the queue is closing";
}

bool BrokerState::on_time(Time now) {
  if (phase_ == Phase::back_off && now >= retry_at_) {
    phase_ = Phase::connecting;  // the reason stays
    return true;
  }
  if (phase_ != Phase::settling || now < settled_at_) return false;
  settle_or_become_available(now);
  return true;
}

}  // namespace tidegate::jobs
