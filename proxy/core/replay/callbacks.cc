#include "core/replay/callbacks.h"

#include "base/ids.h"
#include "base/keyed_hash.h"
#include "base/log.h"
#include "core/replay/webhook.h"
#include "http/client/fetch.h"
#include "http/message/http_date.h"
#include "http/message/webhook.h"
#include "net/finished.h"

namespace tidegate::core {

using jobs::JobRecord;
using jobs::RunResult;
using Worth = RunResult::Worth;

namespace {

constexpr Duration kRecheckDelay = 5s;  // of a job that has not ended yet, or whose store is unavailable
constexpr const char* kJobId = "job-id";
constexpr const char* kJobAttempt = "job-attempt";
constexpr const char* kJobDeferrals = "job-deferrals";  // absent in what older versions stored: none
constexpr const char* kJobKey = "job-key";
constexpr const char* kRequestId = "x-request-id";  // for the log
constexpr const char* kWebhookId = "webhook-id";

// The route, if it has a callback.
RoutePtr route_with_callback(const Worker& worker, const std::string& name) {
  RoutePtr route = find_route(worker.table(), name);
  return route && route->enqueue && route->enqueue->callback ? std::move(route) : nullptr;
}

struct CallbackRoute final : jobs::JobRoute {
  explicit CallbackRoute(RoutePtr with_callback) : route(std::move(with_callback)) {}
  const RoutePtr route;
};

// 32 hexadecimal digits that are always the same for the same text.
std::string id_from(const std::string& text) {
  const Sha256Bytes digest = hmac_sha256("tidegate callback", text);
  return to_hex(digest.data(), sizeof(IdBytes));
}

std::string field_of(const jobs::ClaimedJob& job, std::string_view name) {
  return std::string(jobs::value_of(job.fields, name));
}

// How many deferrals the job that ended had; with its attempt, which end this is.
std::string deferrals_of(const jobs::ClaimedJob& callback) {
  const std::string stored = field_of(callback, kJobDeferrals);
  return stored.empty() ? "0" : stored;
}

// The calls of one delivery, one after the other:
//
//   find(job) ──ended──▶ result(job), for its status ──▶ POST ──▶ done
class CallbackRun final : public net::Operation {
 public:
  // REQUIRES that the route has a callback.
  CallbackRun(Worker& worker, jobs::JobQueue& queue, RoutePtr route, const jobs::ClaimedJob& job,
              std::function<void(RunResult)> done)
      : worker_(worker),
        queue_(queue),
        route_(std::move(route)),
        callback_(*route_->enqueue->callback),
        job_(job),
        done_(std::move(done)) {
    step_ = queue_.find(worker_.runtime(), field_of(job_, kJobId),
                        [this](Result<JobRecord> record) { on_record(std::move(record)); });
  }

 private:
  void on_record(Result<JobRecord> record) {
    const auto finished = net::finished(step_);
    if (!record && record.error().code == ErrorCode::not_found) return nothing_to_send("the job has been deleted");
    if (!record) return too_early();
    const bool ours = std::to_string(record->attempt) == field_of(job_, kJobAttempt) &&
                      std::to_string(record->deferrals) == deferrals_of(job_);
    if (!is_final(record->status)) return ours ? too_early() : nothing_to_send("the job is being run again");
    const bool has_callback = record->status == jobs::JobStatus::succeeded || record->status == jobs::JobStatus::dead;
    if (!ours || !has_callback) return nothing_to_send("the job ended in another way");
    record_ = std::move(*record);
    if (record_.status == jobs::JobStatus::dead) return post(std::nullopt);
    step_ = queue_.result(worker_.runtime(), record_.id, [this](Result<jobs::ResultReader> result) {
      const auto finished_query = net::finished(step_);
      if (!result && result.error().code == ErrorCode::unavailable) return too_early();
      post(result ? std::optional<int>(result->status) : std::nullopt);
    });
  }

  void post(std::optional<int> result_status) {
    const auto url = http::parse_url(callback_.url);
    if (!url) return give_up("invalid_url");
    const std::string id = field_of(job_, kWebhookId);
    const int64_t now_s =
        std::chrono::floor<std::chrono::seconds>(worker_.runtime().wall_now().time_since_epoch()).count();
    http::FetchRequest request;
    request.method = "POST";
    request.host = url->host;
    request.target = url->target;
    request.body = webhook_body(record_, field_of(job_, kJobKey), result_status, route_->listener->jobs_path);
    request.fields = {{"Content-Type", "application/json"},
                      {"User-Agent", "tidegate"},
                      {"webhook-id", id},
                      {"webhook-timestamp", std::to_string(now_s)},
                      {"webhook-signature", http::webhook_signature(callback_.secret, id, now_s, request.body)}};
    request.timeout = CallbackRunner::kTimeout;
    if (url->tls) request.tls = worker_.table()->outgoing_tls();
    request.status_only = true;
    request.on_connected = [this] { connected_ = true; };
    step_ = http::fetch(worker_.runtime(), std::move(request),
                        [this](Result<http::FetchResponse> response) { on_response(std::move(response)); });
  }

  void on_response(Result<http::FetchResponse> response) {
    const auto finished = net::finished(step_);
    if (!response) return finish(undelivered(response.error(), connected_));
    RunResult result;
    const uint16_t status = response->status;
    result.response.status = status;  // its body is not kept
    result.retry_after =
        http::parse_retry_after(response->field("retry-after"), response->field("date"), worker_.runtime().wall_now());
    result.worth = status / 100 == 2 ? Worth::succeeded : status == 410 ? Worth::hopeless : Worth::failed;
    finish(std::move(result));
  }

  void too_early() {
    RunResult result;
    result.too_early_for = kRecheckDelay;
    finish(std::move(result));
  }
  void nothing_to_send(const char* why) {
    RunResult result;
    result.worth = Worth::succeeded;
    result.response.status = 204;
    result.detail = why;
    finish(std::move(result));
  }
  void give_up(const char* error) {
    RunResult result;
    result.worth = Worth::hopeless;
    result.error = error;
    finish(std::move(result));
  }

  void finish(RunResult result) {
    const auto done = std::move(done_);
    done(std::move(result));  // may destroy this
  }

  Worker& worker_;
  jobs::JobQueue& queue_;
  const RoutePtr route_;
  const config::Callback& callback_;  // the route's
  const jobs::ClaimedJob job_;
  std::function<void(RunResult)> done_;
  std::unique_ptr<net::Operation> step_;
  JobRecord record_;
  bool connected_ = false;
};

}  // namespace

bool CallbackAnnouncer::wants(const jobs::ClaimedJob& job) { return store_ && route_with_callback(worker_, job.route); }

// A call whose acknowledgement was lost may have been stored: the next one is another job, with the same webhook-id.
jobs::OperationPtr CallbackAnnouncer::announce(const jobs::ClaimedJob& job, jobs::JobEvent, int calls_before,
                                               jobs::Callback<Ok> done) {
  const std::string end = job.id + "." + std::to_string(job.claim);
  const WallTime now = worker_.runtime().wall_now();
  jobs::JobDraft draft;
  draft.id = id_from(end + "." + std::to_string(calls_before));
  draft.route = job.route;
  draft.method = "POST";
  draft.target = "/";
  draft.fields = {{kJobId, job.id},
                  {kJobAttempt, std::to_string(job.attempt)},
                  {kJobDeferrals, std::to_string(job.deferrals)},
                  {kWebhookId, "msg_" + id_from(end)}};
  draft.fields.emplace_back(kRequestId, jobs::request_id_of(job.fields));
  if (!job.dedupe_key.empty()) draft.fields.emplace_back(kJobKey, job.dedupe_key);
  draft.created_at = now;
  draft.expires_at = now + config_.job_ttl;
  draft.max_attempts = config_.replay.max_attempts;
  return store_->append(worker_.runtime(), std::move(draft),
                        [this, done = std::move(done)](const Result<jobs::Appended>& appended) {
                          if (appended) queue_.callback_metrics->job_event(jobs::JobEvent::accepted);
                          else queue_.callback_metrics->refused(jobs::refusal_of(appended.error()));
                          done(appended ? Status(Ok{}) : Status(appended.error()));
                        });
}

void CallbackAnnouncer::lost(const jobs::ClaimedJob& job, jobs::JobEvent end, const std::string& reason) {
  queue_.callback_metrics->job_event(jobs::JobEvent::dead);
  log_error("callback_lost", {{"job_id", job.id},
                              {"request_id", jobs::request_id_of(job.fields)},
                              {"route", job.route},
                              {"job_event", to_string(end)},
                              {"reason", reason}});
}

jobs::JobRoutePtr CallbackRunner::route_of(const std::string& name) {
  RoutePtr route = route_with_callback(worker_, name);
  return route ? std::make_shared<CallbackRoute>(std::move(route)) : nullptr;
}

std::vector<std::string> CallbackRunner::routes_of(const jobs::JobQueue&) {
  std::vector<std::string> names;
  for (const ListenerRoutes& listener : worker_.table()->listeners()) {
    for (const RouteState& route : listener.routes) {
      if (route.queue == &queue_ && route.enqueue->callback) names.push_back(route.config->name);
    }
  }
  return names;
}

std::unique_ptr<net::Operation> CallbackRunner::run(jobs::JobRoutePtr route, const jobs::ClaimedJob& job,
                                                    std::shared_ptr<net::BodyReader>, const jobs::RunLimits&,
                                                    jobs::RunCallbacks callbacks) {
  return std::make_unique<CallbackRun>(worker_, *queue_.queue, static_cast<const CallbackRoute&>(*route).route, job,
                                       std::move(callbacks.done));
}

}  // namespace tidegate::core
