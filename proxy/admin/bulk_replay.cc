#include "admin/bulk_replay.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/log.h"
#include "jobs/refusal.h"

namespace tidegate::admin {

namespace {

constexpr int kPage = 100;

std::string queue_error(const Error& error) {
  return "queue error: " + jobs::with_word(jobs::refusal_of(error), error.message);
}

}  // namespace

BulkReplay::BulkReplay(net::Runtime& runtime, jobs::JobQueue& queue, std::shared_ptr<const void> held,
                       const JobsRequest& request)
    : runtime_(runtime),
      queue_(queue),
      held_(std::move(held)),
      request_(request),
      filter_(request.filter),
      started_at_(runtime.wall_now()),
      pace_(runtime, [this] { replay_next(); }) {
  filter_.status = jobs::JobStatus::dead;
  filter_.limit = kPage;
  fetch_page();
}

void BulkReplay::fetch_page() {
  operation_ = queue_.list(runtime_, filter_, [this](Result<jobs::JobPage> page) { on_page(std::move(page)); });
}

void BulkReplay::on_page(Result<jobs::JobPage> page) {
  if (!page) return finish(queue_error(page.error()));
  for (const jobs::JobRecord& record : page->records) ids_.push_back(record.id);
  std::reverse(ids_.begin(), ids_.end());
  last_page_ = page->next.empty();
  filter_.after = page->next;
  wait();
}

void BulkReplay::wait() {
  if (replayed_ >= request_.limit) return finish("limit reached");
  if (!ids_.empty()) return pace_.start_after(request_.interval);
  if (last_page_) return finish("no more dead jobs");
  fetch_page();
}

void BulkReplay::replay_next() {
  const std::string id = ids_.back();
  ids_.pop_back();
  operation_ = queue_.replay(runtime_, id, request_.force, [this](Status status) { on_replayed(status); });
}

void BulkReplay::on_replayed(const Status& status) {
  if (status) {
    ++replayed_;
  } else if (jobs::is_replayed_too_often(status.error())) {
    ++skipped_;
  } else if (status.error().code == ErrorCode::conflict || status.error().code == ErrorCode::not_found) {
    ++gone_;
  } else {
    return finish(queue_error(status.error()));
  }
  wait();
}

void BulkReplay::finish(std::string why) {
  if (!running()) return;
  ended_at_ = runtime_.wall_now();
  why_ = std::move(why);
  pace_.stop();
  ids_.clear();
  operation_.reset();
  held_.reset();
  log_info(
      "bulk_replay_ended",
      {{"queue", request_.queue}, {"replayed", replayed_}, {"skipped", skipped_}, {"gone", gone_}, {"reason", why_}});
}

std::string BulkReplay::json() const {
  JsonWriter json;
  json.field("running", running())
      .field("replayed", replayed_)
      .field("skipped", skipped_)
      .field("gone", gone_)
      .field("limit", request_.limit)
      .field("error", request_.filter.error)
      .field("reason", request_.reason)
      .field("started_at", to_rfc3339(started_at_));
  ended_at_ ? json.field("ended_at", to_rfc3339(*ended_at_)) : json.null("ended_at");
  ended_at_ ? json.field("why", why_) : json.null("why");
  return json.take();
}

}  // namespace tidegate::admin
