#include "core/replay/job_runner.h"

#include <algorithm>

#include "core/replay/reference_fetch.h"
#include "core/spooled_body.h"
#include "core/upstream/attempt.h"
#include "core/upstream/forward.h"
#include "http/message/http_date.h"
#include "http/message/method.h"
#include "net/finished.h"

namespace tidegate::core {

using jobs::RunResult;
using policy::AttemptResult;

namespace {

constexpr size_t kPiece = 60 * 1024;
constexpr uint64_t kResultMax = 512ull << 20;
constexpr Duration kPoolRecheckDelay = 1s;  // before a job that got no connection is claimed again

// One attempt: the job's body goes out piece by piece, the response is collected for the store.
//
//   under_way ──response complete──▶ settling (disk) ──▶ finished
//       └── failed, the time is over, the response could not be kept ──▶ finished
class ReplayAttempt final : public net::Operation, private AttemptUser {
 public:
  ReplayAttempt(Worker& worker, RoutePtr route, const jobs::ClaimedJob& job, std::shared_ptr<net::BodyReader> body,
                jobs::RunCallbacks callbacks)
      : worker_(worker),
        route_(std::move(route)),
        job_(job),
        body_(std::move(body)),
        body_size_(job.body_ref.empty() ? job.body_size : body_->size()),
        callbacks_(std::move(callbacks)),
        attempt_(std::make_unique<Attempt>(worker.runtime(), worker.pool(*route_->upstream),
                                           static_cast<AttemptUser&>(*this))),
        response_body_(worker.runtime(), worker.buffers(), {kResultMax}, [this] { settle(); }),
        deadline_(worker.runtime(), [this] { finish_with(AttemptResult::timeout, false, "the replay's timeout"); }) {}

  // The timeout is the upstream's: the wait for a connection has a limit of its own.
  void start(const jobs::RunLimits& limits) {
    timeout_ = limits.timeout;
    const Duration probe_time = limits.probe_until ? *limits.probe_until - worker_.runtime().now() : limits.timeout;
    attempt_->start({Time::max(), timeout_, timeout_, route_->config->timeout.idle, std::min(timeout_, probe_time),
                     limits.probe_until, route_->judged, std::nullopt, limits.is_jobs_fault},
                    job_.method == "HEAD");
  }

 private:
  enum class State { under_way, settling, finished };

  void on_attempt_begun(size_t) override { until_ = worker_.runtime().now() + timeout_; }

  void on_attempt_ready(const config::Endpoint& endpoint) override {
    std::string head;
    const Duration left = until_ - worker_.runtime().now();
    write_job_head(head, job_.method, job_.target, job_.fields, endpoint.authority, body_size_,
                   route_->config->timeout_header, ceil_ms(left));
    attempt_->send(head, false, {});
    reading_.reset();
    sent_ = 0;
    send_next();
  }

  bool may_start_over(bool unseen) const override { return unseen || http::is_idempotent(job_.method); }

  void send_next() {
    if (!attempt_ || !attempt_->takes_body() || reading_) return;
    if (sent_ == body_size_) return attempt_->end_body();
    reading_ = body_->read_at(sent_, kPiece, [this](Result<std::string> piece) {
      const auto finished = net::finished(reading_);
      if (!piece || piece->empty()) return finish_without_verdict("the job's body could not be read");
      if (!attempt_ || !attempt_->takes_body()) return;
      sent_ += piece->size();
      attempt_->send_body(*piece);
      if (attempt_->write_pending() < kPiece) send_next();
    });
  }

  void on_attempt_writable() override { send_next(); }

  void on_attempt_head(const http::ResponseHead& head, Duration upstream_time) override {
    deadline_.start_at(until_);  // until then the attempt watches it
    result_.response.status = head.status;
    result_.response.fields = result_fields(head);
    result_.retry_after = http::retry_after_of(head.fields, worker_.runtime().wall_now());
    callbacks_.headers(head.status, upstream_time);
  }

  void on_attempt_body(std::string_view piece) override {
    response_body_.append(piece);
    if (response_body_.received() > kResultMax)
      return finish_with(AttemptResult::bad_response, false, "the response is too large to be stored");
    if (!response_body_.kept()) return finish_without_verdict("the response could not be kept");
    if (!response_body_.has_room()) attempt_->pause();
  }

  void on_attempt_complete() override {
    state_ = State::settling;
    response_body_.end();
    settle();
  }

  // The response's bytes may still be on their way to the disk.
  void settle() {
    if (state_ == State::finished) return;
    if (!response_body_.kept()) return finish_without_verdict("the response could not be kept");
    if (state_ == State::under_way) return attempt_->resume();
    if (!response_body_.settled()) return;
    result_.response.body = response_body_.take_content();
    finish();
  }

  void on_attempt_starved() override { finish_without_verdict("the job's body could not be read in time"); }

  // No failure of the job's or of the upstream's: it is given back for a moment.
  void on_attempt_refused(std::string_view detail) override {
    result_.too_early_for = kPoolRecheckDelay;
    finish_with(AttemptResult::connect_failure, false, std::string(detail));
  }

  void on_attempt_failed(const policy::AttemptFailure& failure, std::string_view detail) override {
    result_.upstream_time = failure.upstream_time;
    finish_with(failure.result, failure.upstreams_fault, std::string(detail));
  }

  void finish_without_verdict(std::string detail) {
    result_.own_failure = true;
    finish_with(AttemptResult::reset, false, std::move(detail));
  }

  void finish_with(AttemptResult failure, bool upstreams_fault, std::string detail) {
    result_.result = failure;
    result_.upstreams_fault = upstreams_fault;
    result_.detail = std::move(detail);
    finish();
  }

  void finish() {
    state_ = State::finished;
    deadline_.stop();
    attempt_.reset();
    const auto done = std::move(callbacks_.done);
    done(std::move(result_));  // may destroy this
  }

  Worker& worker_;
  const RoutePtr route_;
  const jobs::ClaimedJob job_;
  std::shared_ptr<net::BodyReader> body_;
  const uint64_t body_size_;
  jobs::RunCallbacks callbacks_;
  Time until_{};
  std::unique_ptr<Attempt> attempt_;
  SpooledBody response_body_;
  Duration timeout_{};
  net::Timer deadline_;
  std::unique_ptr<net::Operation> reading_;
  uint64_t sent_ = 0;
  State state_ = State::under_way;
  RunResult result_;
};

}  // namespace

jobs::JobRoutePtr GatewayJobRunner::route_of(const std::string& name) { return find_route(worker_.table(), name); }

std::vector<std::string> GatewayJobRunner::routes_of(const jobs::JobQueue& queue) {
  std::vector<std::string> names;
  for (const ListenerRoutes& listener : worker_.table()->listeners()) {
    for (const RouteState& route : listener.routes) {
      if (route.queue && route.queue->queue.get() == &queue) names.push_back(route.config->name);
    }
  }
  return names;
}

std::unique_ptr<net::Operation> GatewayJobRunner::run(jobs::JobRoutePtr route, const jobs::ClaimedJob& job,
                                                      std::shared_ptr<net::BodyReader> body,
                                                      const jobs::RunLimits& limits, jobs::RunCallbacks callbacks) {
  auto run = std::make_unique<ReplayAttempt>(worker_, std::static_pointer_cast<const RouteState>(route), job,
                                             std::move(body), std::move(callbacks));
  run->start(limits);
  return run;
}

std::unique_ptr<net::Operation> GatewayJobRunner::fetch_body(const jobs::JobRoutePtr& route,
                                                             const jobs::ClaimedJob& job,
                                                             std::function<void(jobs::FetchedBody)> done) {
  return fetch_reference(worker_.runtime(), worker_.buffers(), worker_.table()->outgoing_tls(),
                         static_cast<const RouteState&>(*route).enqueue, job.body_ref, std::move(done));
}

}  // namespace tidegate::core
