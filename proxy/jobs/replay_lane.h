// One claimed job on its way: admitted by its route's breaker and bulkhead, run, judged, settled.
//
//   admitting ──permit and place──▶ running ──result──▶ settling ──stored──▶ ended
//      │ refused, no place in time     │ lease lost        │ store away: again, while the lease lasts
//      └──────▶ giving back ───────────┴───────────────────┴──▶ ended (the lease ends by itself where it must)
#pragma once

#include <functional>
#include <memory>

#include "jobs/replayer.h"
#include "net/timer.h"

namespace tidegate::jobs {

enum class LaneEnd : uint8_t { succeeded, dead, retried, given_back, lost };

// What all lanes of a replayer share; outlives them.
struct LaneShared {
  net::Runtime& runtime;
  JobQueue& queue;
  JobRunner& runner;
  const config::Replay& config;
  JobObserver observer;
  std::function<void()> on_running;  // a lane has left admitting: another job may be claimed
};

class ReplayLane final : public net::Disposable {
 public:
  // A lease is this long and is renewed at a third of it.
  static constexpr Duration kLease = std::chrono::seconds(30);

  // `ended` runs once, last; it may hand the lane to Runtime::dispose.
  ReplayLane(LaneShared& shared, ClaimedJob job, std::function<void(ReplayLane&, LaneEnd)> ended);

  void start() { admit(); }
  // Waits for a bulkhead place: no more jobs should be claimed.
  bool admitting() const { return state_ == State::admitting; }
  Duration ran_for() const { return attempt_.took; }
  // Shutdown: what is not running yet goes back.
  void stop_admitting();

 private:
  enum class State { admitting, running, settling, giving_back, ended };

  void admit();
  void give_back(Duration wait);
  void run();
  void on_result(RunResult result);
  void judge(const RunResult& result);
  void settle();
  void on_settled(const Status& status);
  void renew();
  void end(LaneEnd end);

  LaneShared& shared_;
  const ClaimedJob job_;
  std::function<void(ReplayLane&, LaneEnd)> ended_;
  State state_ = State::admitting;
  Time since_;
  WallTime begun_at_{};
  policy::Place place_;
  policy::Permit permit_;
  const policy::RoutePolicy* policy_ = nullptr;
  std::unique_ptr<net::Operation> work_;  // the run, or the store's call
  std::unique_ptr<net::Operation> renewal_;
  net::Timer wait_;
  net::Timer lease_;

  // What settle() does, again and again until the store has taken it.
  JobEvent event_ = JobEvent::succeeded;
  AttemptRecord attempt_;
  StoredResponse response_;
  WallTime not_before_{};
  std::string detail_;
};

}  // namespace tidegate::jobs
