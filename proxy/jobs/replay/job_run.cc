#include "jobs/replay/job_run.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "net/finished.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kSlotPollInterval = 20ms;      // while live traffic has every slot
constexpr Duration kSlotWaitMax = 5s;             // then the job is given back
constexpr Duration kRefusalRecheckDelay = 100ms;  // at least, before a refused job is claimed again
constexpr Duration kRouteRecheckDelay = 60s;      // before a job without a route is claimed again
constexpr Duration kSettleRetryDelay = 1s;
constexpr const char* kAttemptsExhausted = "attempts_exhausted";
constexpr const char* kShutdown = "shutdown";

JobRunEnd end_of(JobEvent event) {
  if (event == JobEvent::succeeded) return JobRunEnd::succeeded;
  return event == JobEvent::dead ? JobRunEnd::dead : JobRunEnd::retried;
}

}  // namespace

JobRun::JobRun(JobRunContext& context, ClaimedJob job, std::function<void(JobRun&, JobRunEnd)> ended)
    : context_(context),
      job_(std::move(job)),
      ended_(std::move(ended)),
      config_(context_.config),
      since_(context_.runtime.now()),
      wait_(context_.runtime, [this] { on_timer(); }),
      lease_(context_.runtime, [this] { renew(); }) {
  lease_.start_after(kLease / 3);
}

void JobRun::start() {
  if (job_.attempt <= job_.max_attempts) {
    if (context_.passes_over(job_)) return give_back(kRefusalRecheckDelay, JobRunEnd::refused);
    return job_.body_ref.empty() ? admit() : fetch();
  }
  // Its last attempts ended with their process, or without a verdict: what it did to the process, it may do again.
  begun_at_ = context_.runtime.wall_now();
  since_ = context_.runtime.now();
  follow(Settlement(Dead{kAttemptsExhausted}), "");
}

void JobRun::refuse() {
  const auto refusal = context_.refusal_of(job_.route);
  refusal ? give_back(std::max(*refusal, kRefusalRecheckDelay), JobRunEnd::refused) : give_back(Duration(0));
}

void JobRun::on_timer() {
  switch (state_) {
    case State::admitting: return admit();
    case State::settling: return settle();
    case State::claimed:
    case State::fetching:
    case State::running:
    case State::announcing:
    case State::giving_back:
    case State::ended: TG_ASSERT(false);
  }
}

// True: the job cannot be run now, and is on its way back.
bool JobRun::give_back_if_refused() {
  route_ = context_.runner.route_of(job_.route);
  if (!route_) {
    log_warn("job_without_route",
             {{"job_id", job_.id}, {"request_id", request_id_of(job_.fields)}, {"route", job_.route}});
    give_back(kRouteRecheckDelay);
    return true;
  }
  const auto refusal = context_.refusal_of(job_.route);
  if (refusal) give_back(std::max(*refusal, kRefusalRecheckDelay), JobRunEnd::refused);
  return refusal.has_value();
}

// Before slot and permit: neither is held while the upstream has no work from it.
void JobRun::fetch() {
  if (give_back_if_refused()) return;
  state_ = State::fetching;
  begun_at_ = context_.runtime.wall_now();
  since_ = context_.runtime.now();
  work_ = context_.runner.fetch_body(route_, job_, [this](FetchedBody fetched) { on_fetched(std::move(fetched)); });
  context_.on_capacity_freed();
}

void JobRun::on_fetched(FetchedBody fetched) {
  const auto finished = net::finished(work_);
  if (fetched.result != FetchedBody::Result::fetched) {
    Verdict verdict = judge(fetched, job_, fault_by(&context_.health_of_host(job_.body_ref)), retry_timing());
    return follow(std::move(verdict), std::move(fetched.detail));
  }
  context_.on_body_fetched(job_.body_ref, since_);
  fetched_ = std::move(fetched.body);
  since_ = context_.runtime.now();
  admit();
}

// Polled while there is no spare slot.
void JobRun::admit() {
  state_ = State::admitting;
  if (give_back_if_refused()) return;
  const Time now = context_.runtime.now();
  policy::Admission admission = policy::admit(route_->policy, policy::Caller::replayed_job, now);
  if (auto* admitted = std::get_if<policy::Admitted>(&admission)) {
    call_ = policy::UpstreamCall(route_->policy, std::move(*admitted), now);
    return run();
  }
  if (const auto* refused = std::get_if<policy::BreakerRefusal>(&admission)) {
    return give_back(std::max(refused->retry_after, kRefusalRecheckDelay), JobRunEnd::refused);
  }
  now - since_ >= kSlotWaitMax ? give_back(Duration(0)) : wait_.start_after(kSlotPollInterval);
}

void JobRun::stop_admitting() {
  if (state_ == State::claimed || state_ == State::admitting || state_ == State::fetching) give_back(Duration(0));
}

void JobRun::cut_off() {
  if (state_ != State::running) return;
  work_.reset();
  follow(Settlement(Deferral{kShutdown, context_.runtime.wall_now()}), "");
}

void JobRun::give_back(Duration wait, JobRunEnd as) {
  state_ = State::giving_back;
  wait_.stop();
  call_.abandon();
  fetched_.reset();
  const WallTime not_before = wait > Duration(0) ? context_.runtime.wall_now() + wait : WallTime{};
  work_ = context_.queue.release(context_.runtime, job_, not_before,
                                 [this, as](const Status& status) { end(status ? as : JobRunEnd::lost); });
  context_.on_capacity_freed();
}

void JobRun::run() {
  state_ = State::running;
  since_ = context_.runtime.now();
  begun_at_ = context_.runtime.wall_now();
  if (!call_.is_probing() && is_known_bad()) call_.count_nothing();
  context_.observer({JobEvent::replayed, job_, ""});
  auto body = job_.body_ref.empty() ? context_.queue.open_body(context_.runtime, job_) : std::move(fetched_);
  work_ = context_.runner.run(route_, job_, std::move(body), {config_->timeout, call_.probe_until(), !call_.counts()},
                              {[this](uint16_t status, Duration upstream_time) { on_headers(status, upstream_time); },
                               [this](RunResult result) { on_result(std::move(result)); }});
  context_.on_capacity_freed();
}

void JobRun::on_headers(uint16_t status, Duration upstream_time) {
  const bool was_probe = call_.is_probing();
  call_.on_headers(status, upstream_time, context_.runtime.now());
  on_call_judged(was_probe);
}

void JobRun::on_result(RunResult result) {
  const auto finished = net::finished(work_);
  const bool overdue = call_.is_overdue_probe(context_.runtime.now());  // ended for the breaker's sake, early
  const Fault fault = overdue ? Fault::outage : fault_by(route_->policy.health.get());
  Verdict verdict = judge(result, job_, fault, retry_timing());
  if (const auto* settlement = std::get_if<Settlement>(&verdict)) {
    judge_upstream(result, std::holds_alternative<Succeeded>(*settlement));
    if (const auto wait = hold_of_route(result)) context_.hold(job_.route, *wait);
    ran_ = true;
  }
  call_.abandon();  // what is still held
  response_ = std::move(result.response);
  follow(std::move(verdict), std::move(result.detail));
}

void JobRun::judge_upstream(const RunResult& result, bool succeeded) {
  const Time now = context_.runtime.now();
  const bool was_probe = call_.is_probing();
  if (result.result == policy::AttemptResult::response) {
    call_.on_complete(now);
  } else {
    call_.on_failed({result.result, result.upstreams_fault, result.upstream_time}, now);
  }
  const bool counted = call_.verdict() == policy::Verdict::failure || (!succeeded && !call_.counts());
  if (route_->policy.breaker) context_.on_run_judged(job_.route, route_->policy.breaker, succeeded, counted);
  on_call_judged(was_probe);
}

// Whether a probe has failed is for the breaker to say: it may count what is a job's result.
void JobRun::on_call_judged(bool was_probe) {
  if (was_probe && call_.verdict() == policy::Verdict::failure) context_.on_probe_failed(route_->policy.breaker);
}

// The job's end, if this is its end, is announced before it is settled.
void JobRun::follow(Verdict verdict, std::string detail) {
  if (const auto* back = std::get_if<GivenBack>(&verdict)) {
    if (!back->reason.empty()) {
      log_warn("job_not_run",
               {{"job_id", job_.id}, {"request_id", request_id_of(job_.fields)}, {"reason", back->reason}});
    }
    return give_back(back->wait);
  }
  settlement_ = std::move(std::get<Settlement>(verdict));
  attempt_ = {begun_at_, context_.runtime.now() - since_, error_of(settlement_)};
  detail_ = std::move(detail);
  const bool ends = event_of(settlement_) == JobEvent::succeeded || event_of(settlement_) == JobEvent::dead;
  if (!ends || !context_.announcer || !context_.announcer->wants(job_)) return begin_settling();
  state_ = State::announcing;
  announcement_.emplace(context_, job_, event_of(settlement_), [this] { begin_settling(); });
}

RetryTiming JobRun::retry_timing() const {
  return {config_->backoff, context_.runtime.wall_now(), context_.runtime.random()};
}

Fault JobRun::fault_by(const policy::UpstreamHealth* health) const {
  return fault_of(health, job_, context_.runtime.wall_now(), context_.runtime.now());
}

// Its attempt before did not end well, and the upstream has served others since: the next one says nothing about the
// upstream.
bool JobRun::is_known_bad() const {
  return job_.attempt > 1 && route_->policy.health && fault_by(route_->policy.health.get()) == Fault::job;
}

void JobRun::begin_settling() {
  wait_.stop();
  state_ = State::settling;
  settle();
  context_.on_capacity_freed();
}

void JobRun::settle() {
  struct Settle {
    JobRun& self;
    JobQueue& queue;
    net::Runtime& home;
    OperationPtr operator()(const Succeeded&) const {
      return queue.succeed(home, self.job_, self.attempt_, self.response_, done());
    }
    OperationPtr operator()(const Retry& s) const {
      return queue.retry(home, self.job_, self.attempt_, s.not_before, done());
    }
    OperationPtr operator()(const Deferral& s) const {
      return queue.defer(home, self.job_, self.attempt_, s.not_before, done());
    }
    OperationPtr operator()(const Dead&) const { return queue.dead_letter(home, self.job_, self.attempt_, done()); }
    Callback<Ok> done() const {
      return [&run = self](const Status& status) { run.on_settled(status); };
    }
  };
  work_ = std::visit(Settle{*this, context_.queue, context_.runtime}, settlement_);
}

void JobRun::on_settled(const Status& status) {
  if (status) {
    const JobEvent event = event_of(settlement_);
    const std::string& error = attempt_.error;
    context_.observer({event, job_, error.empty() ? detail_ : error + (detail_.empty() ? "" : ": " + detail_),
                       event == JobEvent::succeeded ? response_.status : uint16_t{0}});
    return end(end_of(event));
  }
  const ErrorCode code = status.error().code;
  // A store that is unavailable or full is tried again until it takes it; once the lease has ended it says "conflict".
  if (code == ErrorCode::conflict || code == ErrorCode::not_found) {
    log_warn("job_not_settled", {{"job_id", job_.id},
                                 {"request_id", request_id_of(job_.fields)},
                                 {"job_event", to_string(event_of(settlement_))},
                                 {"reason", status.error().message}});
    return end(JobRunEnd::lost);
  }
  wait_.start_after(kSettleRetryDelay);
}

void JobRun::renew() {
  lease_.start_after(kLease / 3);
  renewal_ = context_.queue.renew(context_.runtime, job_, kLease, [this](const Status& status) {
    // Any error but a lost lease is retried at the next renewal. While settling, settle() finds out by itself.
    if (status || status.error().code != ErrorCode::conflict || state_ == State::settling) return;
    log_warn("job_lease_lost", {{"job_id", job_.id}, {"request_id", request_id_of(job_.fields)}});
    end(JobRunEnd::lost);
  });
}

void JobRun::end(JobRunEnd how) {
  state_ = State::ended;
  wait_.stop();
  lease_.stop();
  work_.reset();
  announcement_.reset();
  renewal_.reset();
  call_.abandon();
  ended_(*this, how);
}

}  // namespace tidegate::jobs
