// Waits for a job's end, up to a time: told by this process's own replayer, and asking the store now and then, since
// another process may run the job.
//
//   asking ──not final──▶ waiting (news, the next look, the time) ──▶ asking ──final, the time is over──▶ done
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/worker.h"
#include "net/timer.h"

namespace tidegate::core {

class JobWait final : public net::Operation {
 public:
  // Looks begin this far apart and grow.
  static constexpr Duration kFirstLook = std::chrono::milliseconds(250);
  static constexpr Duration kLooksApartMax = std::chrono::seconds(2);

  using Done = std::function<void(Result<jobs::JobRecord>)>;

  // `done` runs once, later, with the record as last seen: final, or not where the time is over, the process drains, or
  // too many wait already. Errors: the store's. Worker and queue outlive this.
  JobWait(Worker& worker, QueueState& queue, std::string id, Time until, Done done);

 private:
  void look();
  void seen(Result<jobs::JobRecord> record);
  void heard();

  Worker& worker_;
  QueueState& queue_;
  const std::string id_;
  const Time until_;
  Done done_;
  Duration apart_ = kFirstLook;
  bool news_came_ = false;  // while the store was being asked: what it says may be older
  std::unique_ptr<net::Operation> looking_;
  std::unique_ptr<net::Operation> listening_;
  net::Timer timer_;
};

}  // namespace tidegate::core
