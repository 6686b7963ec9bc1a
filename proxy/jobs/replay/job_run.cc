#include "jobs/replay/job_run.h"

#include <algorithm>

#include "base/log.h"

namespace tidegate::jobs {

using policy::AttemptResult;

namespace {

constexpr Duration kSlotPollInterval = 20ms;  // how often a slot is asked for while live traffic has them all
constexpr Duration kSlotWaitMax = 5s;         // then the job goes back
constexpr Duration kSoonest = 100ms;          // before a refused job is claimed again
constexpr Duration kNoRouteWait = 60s;
constexpr Duration kNotRunWait = 5s;  // where our own side failed: the disk, the store
constexpr Duration kSettleAgain = 1s;
constexpr Duration kAnnounceAgain = 200ms;
constexpr const char* kAttemptsExhausted = "attempts_exhausted";

bool is_final_answer(uint16_t status) { return status < 500 && status != 408 && status != 425 && status != 429; }

}  // namespace

bool JobRunContext::is_held(const std::string& route) const {
  const auto held = held_until.find(route);
  return held != held_until.end() && held->second > runtime.now();
}

std::optional<Duration> JobRunContext::refusal_of(const std::string& route) {
  const Time now = runtime.now();
  const auto policy = runner.policy_of(route);
  const auto refusal = policy && policy->breaker ? policy->breaker->peek(now) : std::nullopt;
  std::optional<Duration> wait = refusal ? std::optional(refusal->retry_after) : std::nullopt;
  if (is_held(route)) wait = std::max(wait.value_or(Duration(0)), held_until[route] - now);
  return wait;
}

JobRun::JobRun(JobRunContext& shared, ClaimedJob job, std::function<void(JobRun&, JobRunEnd)> ended)
    : shared_(shared),
      job_(std::move(job)),
      ended_(std::move(ended)),
      since_(shared.runtime.now()),
      wait_(shared.runtime, [this] { on_timer(); }),
      lease_(shared.runtime, [this] { renew(); }) {
  lease_.start_after(kLease / 3);
}

void JobRun::start() {
  if (job_.attempt <= job_.max_attempts) return job_.body_ref.empty() ? admit() : fetch();
  // Its last attempts ended with their process, or without a word: what it does to whoever runs it, it may do again.
  attempt_ = {shared_.runtime.wall_now(), Duration(0), kAttemptsExhausted};
  event_ = JobEvent::dead;
  conclude();
}

void JobRun::refuse() {
  const auto refusal = shared_.refusal_of(job_.route);
  refusal ? give_back(std::max(*refusal, kSoonest), JobRunEnd::refused) : give_back(Duration(0));
}

void JobRun::on_timer() {
  switch (state_) {
    case State::admitting: return admit();
    case State::announcing: return announce();
    default: settle();
  }
}

// Before slot and permit: neither is held for a while in which the upstream is not asked.
void JobRun::fetch() {
  if (turned_away()) return;
  state_ = State::fetching;
  begun_at_ = shared_.runtime.wall_now();
  work_ = shared_.runner.fetch_body(job_, [this](FetchedBody fetched) { on_fetched(std::move(fetched)); });
  shared_.on_capacity_freed();
}

void JobRun::on_fetched(FetchedBody fetched) {
  using Got = FetchedBody::Got;
  const auto finished = std::move(work_);  // this is its callback
  const Duration took = shared_.runtime.now() - since_;
  if (fetched.got == Got::body) {
    fetched_ = std::move(fetched.body);
    since_ = shared_.runtime.now();
    state_ = State::admitting;
    return admit();
  }
  if (fetched.got == Got::own_failure) {
    log_warn("job_not_run", {{"job_id", job_.id}, {"detail", fetched.detail}});
    return give_back(kNotRunWait);
  }
  attempt_ = {begun_at_, took, std::move(fetched.error)};
  detail_ = std::move(fetched.detail);
  fail(fetched.got == Got::never, Duration(0));
  conclude();
}

// True: the job cannot be run now, and is on its way back.
bool JobRun::turned_away() {
  policy_ = shared_.runner.policy_of(job_.route);
  if (!policy_) {
    log_warn("job_without_route", {{"job_id", job_.id}, {"route", job_.route}});
    give_back(kNoRouteWait);
    return true;
  }
  const auto refusal = shared_.refusal_of(job_.route);
  if (refusal) give_back(std::max(*refusal, kSoonest), JobRunEnd::refused);
  return refusal.has_value();
}

void JobRun::admit() {
  if (turned_away()) return;
  const Time now = shared_.runtime.now();
  if (policy_->bulkhead) {
    auto slot = policy_->bulkhead->acquire_spare(now);
    if (!slot && now - since_ >= kSlotWaitMax) return give_back(Duration(0));
    if (!slot) return wait_.start_after(kSlotPollInterval);
    slot_ = std::move(*slot);
  }
  if (policy_->breaker) {
    auto acquired = policy_->breaker->acquire(now);
    if (acquired.refused) return give_back(std::max(acquired.refused->retry_after, kSoonest), JobRunEnd::refused);
    permit_ = std::move(acquired.permit);
  }
  run();
}

void JobRun::stop_admitting() {
  if (state_ == State::admitting || state_ == State::fetching) give_back(Duration(0));
}

void JobRun::give_back(Duration wait, JobRunEnd as) {
  state_ = State::giving_back;
  wait_.stop();
  permit_ = {};
  slot_.release();
  fetched_.reset();
  const WallTime not_before = wait > Duration(0) ? shared_.runtime.wall_now() + wait : WallTime{};
  work_ = shared_.queue.release(shared_.runtime, job_, not_before,
                                [this, as](const Status& status) { end(status ? as : JobRunEnd::lost); });
  shared_.on_capacity_freed();
}

void JobRun::run() {
  state_ = State::running;
  since_ = shared_.runtime.now();
  begun_at_ = shared_.runtime.wall_now();
  shared_.observer(JobEvent::replayed, job_, "");
  auto body = job_.body_ref.empty() ? shared_.queue.open_body(shared_.runtime, job_) : std::move(fetched_);
  work_ = shared_.runner.run(job_, std::move(body), shared_.config.timeout,
                             [this](RunResult result) { on_result(std::move(result)); });
  shared_.on_capacity_freed();
}

void JobRun::on_result(RunResult result) {
  const auto finished_run = std::move(work_);  // this is its callback
  const Time now = shared_.runtime.now();
  if (!result.upstreams_doing) {
    log_warn("job_not_run", {{"job_id", job_.id}, {"detail", result.detail}});
    return give_back(kNotRunWait);
  }
  if (result.not_yet) return give_back(*result.not_yet);
  if (policy_->breaker) report_attempt(permit_, policy_->breaker->config(), result.result, result.response.status, now);
  permit_ = {};
  slot_.release();
  ran_ = true;
  attempt_ = {begun_at_, now - since_, ""};
  judge(result);
  response_ = std::move(result.response);
  detail_ = std::move(result.detail);
  conclude();
}

// The job's end, if this is its end, is announced before it is settled.
void JobRun::conclude() {
  const bool ends = event_ != JobEvent::retried;
  if (!ends || !shared_.announcer || !shared_.announcer->wants(job_)) return begin_settling();
  state_ = State::announcing;
  announce_until_ = shared_.runtime.now() + Replayer::kAnnounceWithin;
  announce();
}

void JobRun::announce() {
  if (shared_.runtime.now() >= announce_until_) return lose_announcement("no answer in time");
  wait_.start_at(announce_until_);
  work_ =
      shared_.announcer->announce(job_, event_, announced_++, [this](const Status& status) { on_announced(status); });
}

void JobRun::on_announced(const Status& status) {
  const auto finished = std::move(work_);  // this is its callback
  if (status) return begin_settling();
  const Time again = shared_.runtime.now() + kAnnounceAgain;
  if (again >= announce_until_ || status.error().code == ErrorCode::exhausted) {
    return lose_announcement(status.error().message);
  }
  wait_.start_at(again);
}

// The job is not kept waiting for what only tells of it.
void JobRun::lose_announcement(const std::string& why) {
  work_.reset();
  shared_.announcer->lost(job_, event_, why);
  begin_settling();
}

void JobRun::begin_settling() {
  wait_.stop();
  state_ = State::settling;
  settle();
  shared_.on_capacity_freed();
}

void JobRun::judge(const RunResult& result) {
  using Worth = RunResult::Worth;
  const bool response = result.result == AttemptResult::response;
  const bool answered = result.worth == Worth::by_answer && response && is_final_answer(result.response.status);
  if (answered || result.worth == Worth::succeeded) {
    event_ = JobEvent::succeeded;
    return;
  }
  attempt_.error = response ? std::to_string(result.response.status) : to_string(result.result);
  if (!result.error.empty()) attempt_.error = result.error;
  if (response && result.retry_after && (result.response.status == 429 || result.response.status == 503)) {
    Time& until = shared_.held_until[job_.route];
    until = std::max(until, shared_.runtime.now() + std::min(*result.retry_after, Replayer::kHoldMax));
  }
  fail(result.worth == Worth::hopeless, result.retry_after.value_or(Duration(0)));
}

// This attempt has failed; it was the last one, or another comes after a while.
void JobRun::fail(bool hopeless, Duration retry_after) {
  event_ = hopeless || job_.attempt >= job_.max_attempts ? JobEvent::dead : JobEvent::retried;
  // The wait before it is not carried over (a restart would lose it too): decorrelated jitter begins at its base.
  const Duration backoff = policy::Backoff(shared_.config.backoff)
                               .delay(job_.attempt - 1, shared_.config.backoff.base, shared_.runtime.random());
  not_before_ = shared_.runtime.wall_now() + std::max(backoff, retry_after);
}

void JobRun::settle() {
  const auto done = [this](const Status& status) { on_settled(status); };
  switch (event_) {
    case JobEvent::succeeded: work_ = shared_.queue.succeed(shared_.runtime, job_, attempt_, response_, done); return;
    case JobEvent::retried: work_ = shared_.queue.retry(shared_.runtime, job_, attempt_, not_before_, done); return;
    default: work_ = shared_.queue.dead_letter(shared_.runtime, job_, attempt_, done);
  }
}

void JobRun::on_settled(const Status& status) {
  if (status) {
    shared_.observer(event_, job_,
                     attempt_.error.empty() ? detail_ : attempt_.error + (detail_.empty() ? "" : ": " + detail_));
    return end(event_ == JobEvent::succeeded ? JobRunEnd::succeeded
               : event_ == JobEvent::dead    ? JobRunEnd::dead
                                             : JobRunEnd::retried);
  }
  const ErrorCode code = status.error().code;
  // A store that is away, or full, is asked until it answers; if the lease ends before, the answer will be "conflict".
  if (code == ErrorCode::conflict || code == ErrorCode::not_found) {
    log_warn("job_not_settled", {{"job_id", job_.id}, {"event", to_string(event_)}, {"error", status.error().message}});
    return end(JobRunEnd::lost);
  }
  wait_.start_after(kSettleAgain);
}

void JobRun::renew() {
  lease_.start_after(kLease / 3);
  renewal_ = shared_.queue.renew(shared_.runtime, job_, kLease, [this](const Status& status) {
    // Anything but a lost lease is tried again at the next turn. While settling, settle() hears of it itself.
    if (status || status.error().code != ErrorCode::conflict || state_ == State::settling) return;
    log_warn("job_lease_lost", {{"job_id", job_.id}});
    end(JobRunEnd::lost);
  });
}

void JobRun::end(JobRunEnd how) {
  state_ = State::ended;
  wait_.stop();
  lease_.stop();
  work_.reset();
  renewal_.reset();
  permit_ = {};
  slot_.release();
  ended_(*this, how);
}

}  // namespace tidegate::jobs
