#include "api/lookup/lookup.h"

#include "api/picture/sniff.h"
#include "base/log.h"

namespace tidegate::api {

using Kind = Finding::Kind;

namespace {

constexpr char kNotAPicture[] = "the content is not a picture of the declared type";

// Tidegate's own error: it cannot report on the job now.
Reply tidegate_error(http::FetchResponse response) {
  const bool has_retry_after = !response.field("Retry-After").empty();
  if (has_retry_after && (response.status == 429 || response.status == 503))
    return forwarded_reply(std::move(response));
  return tidegate_unavailable_reply({ErrorCode::invalid, "job: status " + std::to_string(response.status)});
}

}  // namespace

ObjectPtr picture_in(http::FetchResponse* response) {
  const std::string_view type = sniff_image(response->body);
  if (type.empty()) return nullptr;
  return std::make_shared<Object>(Object{std::string(type), std::move(response->body)});
}

Lookup::Lookup(Backend backend, std::string key, Callback done)
    : backend_(backend), key_(std::move(key)), done_(std::move(done)) {
  step_ = backend_.cache.get(key_, [this](ObjectPtr image) { on_cached(std::move(image)); });
}

Lookup::Lookup(Backend backend, std::string key, Job succeeded, Callback done)
    : backend_(backend), key_(std::move(key)), succeeded_(std::move(succeeded)), done_(std::move(done)) {
  query_store();
}

void Lookup::on_cached(ObjectPtr image) {
  if (image && !is_picture(*image)) {
    log_error("cached_result_damaged", {{"key", key_}, {"reason", kNotAPicture}});
    image = nullptr;  // the result from the store will replace it
  }
  finding_.image = std::move(image);
  finding_.image ? end(Kind::done) : query_store();
}

void Lookup::query_store() {
  step_ =
      backend_.store.get("results/" + key_, [this](Result<ObjectPtr> result) { on_stored_result(std::move(result)); });
}

void Lookup::on_stored_result(Result<ObjectPtr> result) {
  if (result && !is_picture(**result)) {
    result = Error{ErrorCode::invalid, kNotAPicture};
  }
  if (result) {
    finding_.image = std::move(*result);
    backend_.cache.put(key_, finding_.image);
    return end(Kind::done);
  }
  const ErrorCode code = result.error().code;
  if (code != ErrorCode::not_found && code != ErrorCode::invalid)
    return unavailable(store_reply(result.error(), backend_.store.retry_after()));
  if (code == ErrorCode::invalid) log_error("result_damaged", {{"key", key_}, {"reason", result.error().message}});
  if (succeeded_) {
    finding_.job = *succeeded_;
    return query_result();
  }
  step_ = backend_.store.get("jobs/" + key_, [this](Result<ObjectPtr> entry) { on_job(std::move(entry)); });
}

void Lookup::on_job(Result<ObjectPtr> entry) {
  if (!entry && entry.error().code == ErrorCode::not_found) return end(Kind::unknown);
  if (!entry && entry.error().code != ErrorCode::invalid)
    return unavailable(store_reply(entry.error(), backend_.store.retry_after()));
  const auto job = entry ? parse_job((*entry)->bytes) : std::nullopt;
  if (!job) {
    log_error("job_entry_damaged", {{"key", key_}});
    return end(Kind::unknown);
  }
  finding_.job = *job;
  step_ = backend_.tidegate.get(job->status_url, [this](auto response) { on_status(std::move(response)); });
}

void Lookup::on_status(Result<http::FetchResponse> response) {
  if (!response) return unavailable(tidegate_unavailable_reply(response.error()));
  auto report = parse_report(*response);
  if (!report) return unavailable(tidegate_error(std::move(*response)));
  finding_.report = std::move(*report);
  if (finding_.report.state == JobState::lost) return fail(finding_.report.error);
  if (finding_.report.state != JobState::succeeded) return end(Kind::pending);
  query_result();
}

void Lookup::query_result() {
  step_ = backend_.tidegate.get(finding_.job.result_url, [this](auto response) { on_result(std::move(response)); });
}

void Lookup::on_result(Result<http::FetchResponse> response) {
  if (!response) return unavailable(tidegate_unavailable_reply(response.error()));
  const uint16_t status = response->status;
  // Tidegate's own errors: a stored result never has one of these statuses.
  if (status == 429 || status == 503) return unavailable(tidegate_error(std::move(*response)));
  if (status == 404 || status == 410) return fail("The result was deleted.");
  finding_.is_refused = status >= 400 && status < 500;
  if (status != 200) return fail(detail_of(*response));
  finding_.image = picture_in(&*response);
  if (!finding_.image) return fail("The optimizer's response is not a picture.");
  backend_.cache.put(key_, finding_.image);
  step_ = backend_.store.put("results/" + key_, finding_.image, [this](const Status& stored) { on_stored(stored); });
}

void Lookup::on_stored(const Status& status) {
  if (!status) {  // the picture can be sent all the same, and Tidegate still has it
    log_error("result_not_stored", {{"key", key_}, {"reason", status.error().message}});
    finding_.is_stored = false;
    return end(Kind::done);
  }
  step_ = backend_.store.remove("jobs/" + key_, [this](const Status&) { end(Kind::done); });
}

void Lookup::fail(std::string reason) {
  finding_.report.state = JobState::lost;
  finding_.report.error = std::move(reason);
  end(Kind::failed);
}

void Lookup::unavailable(Reply reply) {
  finding_.reply = std::move(reply);
  end(Kind::unavailable);
}

// The only exit. The callback may destroy this.
void Lookup::end(Kind kind) {
  finding_.kind = kind;
  const Callback done = std::move(done_);
  Finding finding = std::move(finding_);
  done(std::move(finding));
}

}  // namespace tidegate::api
