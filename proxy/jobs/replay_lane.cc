#include "jobs/replay_lane.h"

#include <algorithm>

#include "base/log.h"

namespace tidegate::jobs {

using policy::TryResult;

namespace {

constexpr Duration kPlacePoll = 20ms;    // how often a place is asked for while live traffic has them all
constexpr Duration kPlacePatience = 5s;  // then the job goes back
constexpr Duration kSoonest = 100ms;     // before a refused job is claimed again
constexpr Duration kNoRouteWait = 60s;
constexpr Duration kNotRunWait = 5s;  // where our own side failed: the disk, the store
constexpr Duration kSettleAgain = 1s;

bool is_final_answer(uint16_t status) { return status < 500 && status != 408 && status != 425 && status != 429; }

}  // namespace

ReplayLane::ReplayLane(LaneShared& shared, ClaimedJob job, std::function<void(ReplayLane&, LaneEnd)> ended)
    : shared_(shared),
      job_(std::move(job)),
      ended_(std::move(ended)),
      since_(shared.runtime.now()),
      wait_(shared.runtime, [this] { state_ == State::admitting ? admit() : settle(); }),
      lease_(shared.runtime, [this] { renew(); }) {
  lease_.start_after(kLease / 3);
}

void ReplayLane::admit() {
  const Time now = shared_.runtime.now();
  policy_ = shared_.runner.policy_of(job_.route);
  if (!policy_) {
    log_warn("job_without_route", {{"job_id", job_.id}, {"route", job_.route}});
    return give_back(kNoRouteWait);
  }
  if (policy_->breaker) {
    if (const auto refusal = policy_->breaker->peek(now)) return give_back(std::max(refusal->retry_after, kSoonest));
  }
  if (policy_->bulkhead) {
    auto place = policy_->bulkhead->acquire();
    if (!place && now - since_ >= kPlacePatience) return give_back(Duration(0));
    if (!place) return wait_.start_after(kPlacePoll);
    place_ = std::move(*place);
  }
  if (policy_->breaker) {
    auto acquired = policy_->breaker->acquire(now);
    if (acquired.refused) return give_back(std::max(acquired.refused->retry_after, kSoonest));
    permit_ = std::move(acquired.permit);
  }
  run();
}

void ReplayLane::stop_admitting() {
  if (state_ == State::admitting) give_back(Duration(0));
}

void ReplayLane::give_back(Duration wait) {
  state_ = State::giving_back;
  wait_.stop();
  permit_ = {};
  place_.release();
  const WallTime not_before = wait > Duration(0) ? shared_.runtime.wall_now() + wait : WallTime{};
  work_ = shared_.queue.release(shared_.runtime, job_, not_before,
                                [this](const Status& status) { end(status ? LaneEnd::given_back : LaneEnd::lost); });
}

void ReplayLane::run() {
  state_ = State::running;
  since_ = shared_.runtime.now();
  begun_at_ = shared_.runtime.wall_now();
  shared_.observer(JobEvent::replayed, job_, "");
  work_ = shared_.runner.run(job_, shared_.queue.open_body(shared_.runtime, job_), shared_.config.timeout,
                             [this](RunResult result) { on_result(std::move(result)); });
  shared_.on_running();
}

void ReplayLane::on_result(RunResult result) {
  const auto finished_run = std::move(work_);  // this is its callback
  const Time now = shared_.runtime.now();
  if (!result.upstreams_doing) {
    log_warn("job_not_run", {{"job_id", job_.id}, {"detail", result.detail}});
    return give_back(kNotRunWait);
  }
  if (policy_->breaker) report_try(permit_, policy_->breaker->config(), result.result, result.response.status, now);
  permit_ = {};
  place_.release();
  attempt_ = {begun_at_, now - since_, ""};
  judge(result);
  response_ = std::move(result.response);
  detail_ = std::move(result.detail);
  state_ = State::settling;
  settle();
}

void ReplayLane::judge(const RunResult& result) {
  const bool response = result.result == TryResult::response;
  if (response && is_final_answer(result.response.status)) {
    event_ = JobEvent::succeeded;
    return;
  }
  attempt_.error = response ? std::to_string(result.response.status) : to_string(result.result);
  event_ = job_.attempt >= job_.max_attempts ? JobEvent::dead : JobEvent::retried;
  // The wait before it is not carried over (a restart would lose it too): decorrelated jitter begins at its base.
  const Duration backoff = policy::Backoff(shared_.config.backoff)
                               .delay(job_.attempt - 1, shared_.config.backoff.base, shared_.runtime.random());
  not_before_ = shared_.runtime.wall_now() + std::max(backoff, result.retry_after.value_or(Duration(0)));
}

void ReplayLane::settle() {
  const auto done = [this](const Status& status) { on_settled(status); };
  switch (event_) {
    case JobEvent::succeeded: work_ = shared_.queue.succeed(shared_.runtime, job_, attempt_, response_, done); return;
    case JobEvent::retried: work_ = shared_.queue.retry(shared_.runtime, job_, attempt_, not_before_, done); return;
    default: work_ = shared_.queue.bury(shared_.runtime, job_, attempt_, done);
  }
}

void ReplayLane::on_settled(const Status& status) {
  if (status) {
    shared_.observer(event_, job_,
                     attempt_.error.empty() ? detail_ : attempt_.error + (detail_.empty() ? "" : ": " + detail_));
    return end(event_ == JobEvent::succeeded ? LaneEnd::succeeded
               : event_ == JobEvent::dead    ? LaneEnd::dead
                                             : LaneEnd::retried);
  }
  const ErrorCode code = status.error().code;
  // A store that is away, or full, is asked until it answers; if the lease ends before, the answer will be "conflict".
  if (code == ErrorCode::conflict || code == ErrorCode::not_found) {
    log_warn("job_not_settled", {{"job_id", job_.id}, {"event", to_string(event_)}, {"error", status.error().message}});
    return end(LaneEnd::lost);
  }
  wait_.start_after(kSettleAgain);
}

void ReplayLane::renew() {
  lease_.start_after(kLease / 3);
  renewal_ = shared_.queue.renew(shared_.runtime, job_, kLease, [this](const Status& status) {
    // Anything but a lost lease is tried again at the next turn. While settling, settle() hears of it itself.
    if (status || status.error().code != ErrorCode::conflict || state_ == State::settling) return;
    log_warn("job_lease_lost", {{"job_id", job_.id}});
    end(LaneEnd::lost);
  });
}

void ReplayLane::end(LaneEnd how) {
  state_ = State::ended;
  wait_.stop();
  lease_.stop();
  work_.reset();
  renewal_.reset();
  permit_ = {};
  place_.release();
  ended_(*this, how);
}

}  // namespace tidegate::jobs
