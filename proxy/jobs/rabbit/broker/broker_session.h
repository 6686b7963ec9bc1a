// The current connection and its state, as the parts of the broker's thread share them: BrokerLoop makes and ends the
// connection, Publisher, Consumer and DeadLetterSearch use it. On that thread only.
#pragma once

#include <memory>

#include "jobs/rabbit/broker/broker_state.h"
#include "jobs/rabbit/broker/connection.h"

namespace tidegate::jobs {

struct BrokerSession {
  std::unique_ptr<RabbitConnection> connection;  // null while there is none
  BrokerState state;

  bool is_open() const { return connection && !connection->lost(); }
  bool is_blocked() const { return state.phase() == BrokerState::Phase::blocked; }
  bool takes_publishes() const { return is_open() && !is_blocked(); }
};

}  // namespace tidegate::jobs
