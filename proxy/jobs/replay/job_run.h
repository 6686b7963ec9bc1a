// One claimed job on its way: admitted by its route's breaker and bulkhead, run, judged, settled.
//
//   admitting ──permit and slot──▶ running ──result──▶ announcing ──▶ settling ──stored──▶ ended
//      │ refused, no slot in time     │ lease lost      (its end)        │ store away: again, while the lease lasts
//      └──────▶ giving back ───────────┴──────────────────────────────────┴──▶ ended (the lease ends by itself
//                                                                               where it must)
//   fetching ──body──▶ admitting     (before it, where the body lies elsewhere)
//      └─────no body──▶ announcing, settling
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "jobs/replay/replayer.h"
#include "net/timer.h"

namespace tidegate::jobs {

// `refused`: given back because its route's breaker, or the route's upstream by Retry-After, wants no calls now.
enum class JobRunEnd : uint8_t { succeeded, dead, retried, refused, given_back, lost };

// What all lanes of a replayer share; outlives them.
struct JobRunContext {
  net::Runtime& runtime;
  JobQueue& queue;
  JobRunner& runner;
  const config::Replay& config;
  JobObserver observer;
  EndAnnouncer* announcer;
  std::function<void()> on_capacity_freed;      // a lane has left admitting or running: another job may be claimed
  std::map<std::string, Time> held_until = {};  // by route; for the upstream's Retry-After

  // How long the route wants no calls; none = a call may be tried.
  std::optional<Duration> refusal_of(const std::string& route);
  bool is_held(const std::string& route) const;
};

class JobRun final : public net::Disposable {
 public:
  // A lease is this long and is renewed at a third of it.
  static constexpr Duration kLease = std::chrono::seconds(30);

  // `ended` runs once, last; it may hand the lane to Runtime::dispose.
  JobRun(JobRunContext& shared, ClaimedJob job, std::function<void(JobRun&, JobRunEnd)> ended);

  void start();
  // Gives the job back untried: there is no room for it.
  void refuse();
  // Has its answer, and waits for the store alone.
  bool settling() const { return state_ == State::settling; }
  // Waits for a bulkhead slot: no more jobs should be claimed.
  bool admitting() const { return state_ == State::admitting; }
  bool giving_back() const { return state_ == State::giving_back; }
  Duration ran_for() const { return attempt_.took; }
  Time begun_at() const { return since_; }
  // The upstream had a say in its end.
  bool ran() const { return ran_; }
  // Shutdown: what is not running yet goes back.
  void stop_admitting();

 private:
  enum class State { fetching, admitting, running, announcing, settling, giving_back, ended };

  void fetch();
  void on_fetched(FetchedBody fetched);
  bool turned_away();
  void admit();
  void give_back(Duration wait, JobRunEnd as = JobRunEnd::given_back);
  void on_timer();
  void conclude();
  void announce();
  void on_announced(const Status& status);
  void lose_announcement(const std::string& why);
  void begin_settling();
  void run();
  void on_result(RunResult result);
  void judge(const RunResult& result);
  void fail(bool hopeless, Duration retry_after);
  void settle();
  void on_settled(const Status& status);
  void renew();
  void end(JobRunEnd end);

  JobRunContext& shared_;
  const ClaimedJob job_;
  std::function<void(JobRun&, JobRunEnd)> ended_;
  State state_ = State::admitting;
  Time since_;  // its claim, then its run
  bool ran_ = false;
  WallTime begun_at_{};
  policy::Slot slot_;
  policy::Permit permit_;
  std::shared_ptr<const policy::RoutePolicy> policy_;
  std::shared_ptr<net::BodyReader> fetched_;  // until the run begins
  std::unique_ptr<net::Operation> work_;      // the fetch, the run, or the store's call
  std::unique_ptr<net::Operation> renewal_;
  net::Timer wait_;
  net::Timer lease_;

  // What settle() does, again and again until the store has taken it.
  JobEvent event_ = JobEvent::succeeded;
  AttemptRecord attempt_;
  StoredResponse response_;
  WallTime not_before_{};
  std::string detail_;
  Time announce_until_{};
  int announced_ = 0;  // tries
};

}  // namespace tidegate::jobs
