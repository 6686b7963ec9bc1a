#include "jobs/spool/forwarder.h"

#include <algorithm>

#include "base/log.h"
#include "jobs/body_copy.h"
#include "jobs/spool/parts.h"
#include "net/finished.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kBatch = 32;
constexpr Duration kLease = 120s;       // longer than a batch can take
constexpr Duration kPollEvery = 250ms;  // while the spool is empty, or the server unavailable
constexpr Duration kAfterFailure = 500ms;
constexpr int kRefusalsMax = 5;  // of one job, one after the other: then it is set aside
constexpr Duration kSetAsideFor = 60s;

JobDraft draft_of(const ClaimedJob& job, BodyContent body) {
  JobDraft draft;
  draft.id = job.id;
  draft.route = job.route;
  draft.method = job.method;
  draft.target = job.target;
  draft.fields = job.fields;
  draft.body = std::move(body);
  draft.body_ref = job.body_ref;
  draft.dedupe_key = job.dedupe_key;
  draft.created_at = job.created_at;
  draft.expires_at = job.expires_at;
  draft.max_attempts = job.max_attempts;
  return draft;
}

}  // namespace

struct SpoolForwarder::Item {
  explicit Item(ClaimedJob claimed) : job(std::move(claimed)) {}
  ClaimedJob job;
  std::unique_ptr<BodyCopy> copying;
  BodyContent body;
  OperationPtr call;
  bool keyless = false;  // its key is another job's at the server
  bool moved = false;    // the server has it
};

SpoolForwarder::SpoolForwarder(net::Runtime& runtime, const std::string& name, JobQueue& server, SqliteSpool& spool,
                               ServerCancellations& cancellations)
    : runtime_(runtime),
      name_(name),
      server_(server),
      spool_(spool),
      cancellations_(cancellations),
      timer_(runtime, [this] { poll(); }) {
  // What an earlier run has left goes first.
  suspects_server_ = spool_open_jobs(spool_.view()) > 0;
  timer_.start_after(Duration(0));
}

SpoolForwarder::~SpoolForwarder() = default;

void SpoolForwarder::stop() {
  timer_.stop();
  calls_.clear();
  batch_.clear();
  cancellations_.stop();
  state_ = State::waiting;
}

void SpoolForwarder::suspect_server(const std::string& reason) {
  if (suspects_server_.exchange(true)) return;
  log_warn("queue_spooling_started", {{"queue", name_}, {"reason", reason}});
}

void SpoolForwarder::wait(Duration time) {
  state_ = State::waiting;
  timer_.start_after(time);
}

void SpoolForwarder::poll() {
  const QueueView server = server_.view();
  if (!server.available) {
    suspect_server(server.why_unavailable);
    return wait(kPollEvery);
  }
  cancellations_.run();
  if (spool_open_jobs(spool_.view()) > 0) return claim_batch();
  if (suspects_server_) return probe_server();
  wait(kPollEvery);
}

void SpoolForwarder::probe_server() {
  state_ = State::probing;
  calls_.clear();
  calls_.push_back(server_.find(runtime_, std::string(32, '0'), [this](const Result<JobRecord>& record) {
    const bool answered = record.ok() || record.error().code == ErrorCode::not_found;
    if (!answered) return wait(kAfterFailure);
    suspects_server_ = false;
    log_info("queue_spooling_ended", {{"queue", name_}, {"forwarded", forwarded_}});
    wait(Duration(0));
  }));
}

// ---- one batch ----

void SpoolForwarder::claim_batch() {
  state_ = State::claiming;
  batch_.clear();
  calls_.clear();
  calls_left_ = std::min<size_t>(std::exchange(failed_, false) ? 1 : kBatch, spool_open_jobs(spool_.view()));
  for (size_t i = calls_left_; i > 0; --i) {
    calls_.push_back(spool_.claim(runtime_, kLease, [this](auto job) { on_claimed(std::move(job)); }));
  }
}

void SpoolForwarder::on_claimed(Result<std::optional<ClaimedJob>> job) {
  if (job && *job) batch_.push_back(std::make_unique<Item>(std::move(**job)));
  on_call_done();
}

void SpoolForwarder::read_bodies() {
  state_ = State::reading;
  calls_left_ = batch_.size();
  for (const auto& item : batch_) {
    const auto done = [this, &item = *item](Result<BodyContent> body) {
      body ? void(item.body = std::move(*body)) : void(failed_ = true);
      on_call_done();
    };
    item->copying = std::make_unique<BodyCopy>(runtime_, spool_.open_body(runtime_, item->job), done);
  }
}

// All at once and in their order: the server takes them in that order too.
void SpoolForwarder::append_batch() {
  state_ = State::appending;
  calls_left_ = batch_.size();
  for (const auto& item : batch_) append(*item);
}

void SpoolForwarder::append(Item& item) {
  JobDraft draft = draft_of(item.job, item.body);
  if (item.keyless) draft.dedupe_key.clear();
  item.call = server_.append(runtime_, std::move(draft), [this, &item](Result<Appended> appended) {
    const auto finished = net::finished(item.call);
    on_appended(item, std::move(appended));
  });
}

void SpoolForwarder::on_appended(Item& item, Result<Appended> appended) {
  const bool key_is_anothers =
      appended ? appended->existing && appended->id != item.job.id : appended.error().code == ErrorCode::invalid;
  if (key_is_anothers && !item.keyless) {
    item.keyless = true;
    return append(item);
  }
  if (!appended && appended.error().code == ErrorCode::conflict) return verify_at_server(item, appended.error());
  settle(item, appended.ok() ? Status(Ok{}) : Status(appended.error()));
}

// The id is taken: by this very job, which an earlier append has brought there, or by an append of it that was not
// finished and has lost its key to another job meanwhile.
void SpoolForwarder::verify_at_server(Item& item, const Error& conflict) {
  item.call = server_.find(runtime_, item.job.id, [this, &item, conflict](const Result<JobRecord>& record) {
    const auto finished = net::finished(item.call);
    if (record) return settle(item, Ok{});
    if (record.error().code != ErrorCode::not_found || item.keyless) return settle(item, conflict);
    item.keyless = true;
    append(item);
  });
}

void SpoolForwarder::settle(Item& item, const Status& appended) {
  item.moved = appended.ok();
  if (!item.moved) {
    failed_ = true;
    times_refused_ = refused_ == item.job.id ? times_refused_ + 1 : 1;
    refused_ = item.job.id;
    log_warn("job_not_forwarded", {{"queue", name_}, {"job_id", item.job.id}, {"reason", appended.error().message}});
  }
  on_call_done();
}

void SpoolForwarder::remove_batch() {
  state_ = State::removing;
  calls_left_ = batch_.size();
  for (const auto& item : batch_) {
    const auto done = [this](const Status&) {
      on_call_done();
    };  // what is not removed is forwarded again, and found there
    const bool set_aside = refused_ == item->job.id && times_refused_ >= kRefusalsMax;
    const WallTime again_at = set_aside ? runtime_.wall_now() + kSetAsideFor : WallTime{};
    item->call =
        item->moved ? spool_.remove(runtime_, item->job, done) : spool_.release(runtime_, item->job, again_at, done);
    forwarded_ += item->moved;
  }
}

void SpoolForwarder::on_call_done() {
  if (--calls_left_ > 0) return;
  runtime_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) next_stage();
  });
}

void SpoolForwarder::next_stage() {
  switch (state_) {
    case State::claiming:
      calls_.clear();
      if (batch_.empty()) return wait(kPollEvery);  // what is there is not due yet
      return read_bodies();
    case State::reading: return failed_ ? remove_batch() : append_batch();
    case State::appending: return remove_batch();
    case State::removing: {
      batch_.clear();
      return wait(failed_ ? kAfterFailure : Duration(0));
    }
    case State::waiting:
    case State::probing: return;
  }
}

}  // namespace tidegate::jobs
