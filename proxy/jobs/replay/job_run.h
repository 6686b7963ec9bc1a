// One claimed job: its body is fetched where it lies elsewhere, it is admitted by its route's breaker and bulkhead,
// run, judged (jobs/replay/verdict.h) and settled.
//
//   claimed ──▶ fetching ──▶ admitting ──▶ running ──▶ announcing ──▶ settling ──stored──▶ ended
//      │           │              │            │                         └─ store unavailable: repeated
//      └───────────┴──────────────┴────────────┴──▶ giving_back ──▶ ended
//
//   fetching: where the body lies elsewhere; a job whose body cannot be had goes on to its end, or to its retry.
//   giving_back: refused, no slot in time, our own side failed, too early, shutdown.
//   announcing: where the job ends and somebody wants to know.     From anywhere, lease lost ──▶ ended.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "jobs/replay/announcement.h"
#include "jobs/replay/job_run_context.h"
#include "net/timer.h"

namespace tidegate::jobs {

// `refused`: given back because its route's breaker, or the route's upstream by Retry-After, wants no calls now.
enum class JobRunEnd : uint8_t { succeeded, dead, retried, refused, given_back, lost };

class JobRun final : public net::Disposable {
 public:
  // A lease is this long and is renewed at a third of it.
  static constexpr Duration kLease = std::chrono::seconds(30);

  // `ended` runs once, last; it may hand the run to Runtime::dispose.
  JobRun(JobRunContext& context, ClaimedJob job, std::function<void(JobRun&, JobRunEnd)> ended);

  void start();
  // Gives the job back without an attempt: there is no room for it.
  void refuse();
  // Has its verdict, and waits for the store alone.
  bool settling() const { return state_ == State::settling; }
  // Waits for a bulkhead slot: no more jobs should be claimed.
  bool admitting() const { return state_ == State::admitting; }
  bool giving_back() const { return state_ == State::giving_back; }
  Duration ran_for() const { return attempt_.took; }
  Time begun_at() const { return since_; }
  // Its verdict is the upstream's.
  bool ran() const { return ran_; }
  // Shutdown: what is not running yet goes back.
  void stop_admitting();
  // The end of shutdown's grace: what is running is cancelled, and its job deferred.
  void cut_off();

 private:
  enum class State { claimed, fetching, admitting, running, announcing, settling, giving_back, ended };

  void on_timer();
  bool give_back_if_refused();
  void fetch();
  void on_fetched(FetchedBody fetched);
  void admit();
  void run();
  void on_headers(uint16_t status, Duration upstream_time);
  void on_result(RunResult result);
  void follow(Verdict verdict, std::string detail);
  void give_back(Duration wait, JobRunEnd as = JobRunEnd::given_back);
  void begin_settling();
  void settle();
  void on_settled(const Status& status);
  void renew();
  void end(JobRunEnd end);
  RetryTiming retry_timing() const;
  Fault fault_by(const policy::UpstreamHealth* health) const;
  bool is_known_bad() const;
  void judge_upstream(const RunResult& result, bool succeeded);
  void on_call_judged(bool was_probe);

  JobRunContext& context_;
  const ClaimedJob job_;
  std::function<void(JobRun&, JobRunEnd)> ended_;
  const std::shared_ptr<const config::Replay> config_;  // when it began
  State state_ = State::claimed;
  Time since_;  // when its claim, its fetch, its admission or its run began
  bool ran_ = false;
  WallTime begun_at_{};
  JobRoutePtr route_;  // before what it has admitted
  policy::UpstreamCall call_;
  std::shared_ptr<net::BodyReader> fetched_;  // until the run begins
  std::unique_ptr<net::Operation> work_;      // the fetch, the run, or the store's call
  std::unique_ptr<net::Operation> renewal_;
  net::Timer wait_;
  net::Timer lease_;

  // What settle() records, repeated until the store has taken it.
  Settlement settlement_;
  AttemptRecord attempt_;
  StoredResponse response_;
  std::string detail_;
  std::optional<Announcement> announcement_;
};

}  // namespace tidegate::jobs
