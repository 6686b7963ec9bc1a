// Waits for a job's end, up to a time: notified by this process's own replayer, and querying the store at intervals,
// since another process may run the job.
//
//   querying ──not final──▶ waiting ──event, interval, the time is over──▶ querying
//       │  └──event──▶ querying_again ──not final──▶ querying
//       └── final, the time is over, the store failed ──▶ done          (likewise from querying_again)
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/worker.h"
#include "net/timer.h"

namespace tidegate::core {

class JobWait final : public net::Operation {
 public:
  // Between two queries, growing.
  static constexpr Duration kQueryIntervalMin = std::chrono::milliseconds(250);
  static constexpr Duration kQueryIntervalMax = std::chrono::seconds(2);

  using Done = std::function<void(Result<jobs::JobRecord>)>;

  // `done` runs once, later, with the record as last read: final, or not where the time is over, the process drains, or
  // too many wait already. Errors: the store's. Worker and queue outlive this.
  JobWait(Worker& worker, QueueState& queue, std::string id, Time until, Done done);

 private:
  // querying_again: an event has come while the store was queried; its reply may be older.
  enum class State { querying, querying_again, waiting, done };

  void query();
  void on_record(Result<jobs::JobRecord> record);
  void on_event();

  Worker& worker_;
  QueueState& queue_;
  const std::string id_;
  const Time until_;
  Done done_;
  State state_ = State::querying;
  Duration interval_ = kQueryIntervalMin;
  std::unique_ptr<net::Operation> querying_;
  std::unique_ptr<net::Operation> listening_;
  net::Timer timer_;
};

}  // namespace tidegate::core
