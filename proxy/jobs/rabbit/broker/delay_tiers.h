// The delay queues (topology.h) that are declared on the current connection. Owned by BrokerLoop, used on its thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "jobs/rabbit/broker/broker_session.h"

namespace tidegate::jobs {

class DelayTiers {
 public:
  // `settle`: how long a tier that was declared just now is not relied on.
  DelayTiers(BrokerSession& session, const std::string& name, Duration settle)
      : session_(session), name_(name), settle_(settle) {}

  // The delay queue of the longest tier within `wait`; none: it cannot be relied on yet. Declares it where it is new.
  // REQUIRES wait >= kDelayTierMin and an open connection.
  std::optional<std::string> queue_for(Duration wait);
  // Another connection declares them again.
  void on_lost() { usable_at_.clear(); }

 private:
  BrokerSession& session_;
  const std::string name_;
  const Duration settle_;
  std::map<int64_t, Time> usable_at_;  // by tier
};

}  // namespace tidegate::jobs
