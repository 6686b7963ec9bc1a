#include "jobs/spool/forwarder.h"

#include <algorithm>

#include "base/log.h"
#include "jobs/body_copy.h"
#include "jobs/spool/calls.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kBatch = 32;
constexpr size_t kDisownedMax = 10'000;
constexpr Duration kLease = 120s;       // longer than a batch can take
constexpr Duration kLookEvery = 250ms;  // while the spool is empty, or the server away
constexpr Duration kAfterFailure = 500ms;
constexpr int kRefusalsMax = 5;  // of one job, one after the other: then it lets the others pass
constexpr Duration kOutOfTheWay = 60s;
constexpr int kLooks = 3;  // for a job that is to be cancelled and was not found
constexpr Duration kLookAgain = 1s;

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

SpoolForwarder::SpoolForwarder(net::Runtime& runtime, const std::string& name, JobQueue& server, SqliteSpool& spool)
    : runtime_(runtime), name_(name), server_(server), spool_(spool), timer_(runtime, [this] { look(); }) {
  // What an earlier run has left goes first.
  suspects_ = spool_open_jobs(spool_.view()) > 0;
  timer_.start_after(Duration(0));
}

SpoolForwarder::~SpoolForwarder() = default;

void SpoolForwarder::stop() {
  timer_.stop();
  claims_.clear();
  batch_.clear();
  cancelling_.reset();
  state_ = State::waiting;
}

void SpoolForwarder::suspect_server(const std::string& why) {
  if (!suspects_.exchange(true)) log_warn("queue_server_away", {{"queue", name_}, {"error", why}});
}

void SpoolForwarder::disown(const std::string& id) { disown({id, kLooks, Time{}}); }

void SpoolForwarder::disown(Disowned disowned) {
  const std::lock_guard lock(mutex_);
  disowned_.push_back(std::move(disowned));
  if (disowned_.size() > kDisownedMax) disowned_.pop_front();
}

void SpoolForwarder::wait(Duration time) {
  state_ = State::waiting;
  timer_.start_after(time);
}

void SpoolForwarder::look() {
  const QueueView server = server_.view();
  if (!server.available) {
    suspect_server(server.why_unavailable);
    return wait(kLookEvery);
  }
  cancel_disowned();
  if (spool_open_jobs(spool_.view()) > 0) return claim_batch();
  if (suspects_) return be_sure_of_server();
  wait(kLookEvery);
}

// A server that says it is well is asked once before new jobs go to it again.
void SpoolForwarder::be_sure_of_server() {
  state_ = State::appending;
  claims_.clear();
  claims_.push_back(server_.find(runtime_, std::string(32, '0'), [this](const Result<JobRecord>& answer) {
    const bool well = answer.ok() || answer.error().code == ErrorCode::not_found;
    if (!well) return wait(kAfterFailure);
    suspects_ = false;
    log_info("queue_server_back", {{"queue", name_}, {"forwarded", forwarded_}});
    wait(Duration(0));
  }));
}

// ---- one batch ----

void SpoolForwarder::claim_batch() {
  state_ = State::claiming;
  batch_.clear();
  claims_.clear();
  left_ = std::min<size_t>(std::exchange(failed_, false) ? 1 : kBatch, spool_open_jobs(spool_.view()));
  for (size_t i = left_; i > 0; --i) {
    claims_.push_back(spool_.claim(runtime_, kLease, [this](auto job) { on_claimed(std::move(job)); }));
  }
}

void SpoolForwarder::on_claimed(Result<std::optional<ClaimedJob>> job) {
  if (job && *job) batch_.push_back(std::make_unique<Item>(std::move(**job)));
  one_done();
}

void SpoolForwarder::read_bodies() {
  state_ = State::reading;
  left_ = batch_.size();
  for (const auto& item : batch_) {
    const auto done = [this, &item = *item](Result<BodyContent> body) {
      body ? void(item.body = std::move(*body)) : void(failed_ = true);
      one_done();
    };
    item->copying = std::make_unique<BodyCopy>(runtime_, spool_.open_body(runtime_, item->job), done);
  }
}

// All at once and in their order: the server takes them in that order too.
void SpoolForwarder::append_batch() {
  state_ = State::appending;
  left_ = batch_.size();
  for (const auto& item : batch_) append(*item);
}

void SpoolForwarder::append(Item& item) {
  JobDraft draft = draft_of(item.job, item.body);
  if (item.keyless) draft.dedupe_key.clear();
  item.call = server_.append(runtime_, std::move(draft), [this, &item](Result<Appended> appended) {
    const auto asked = std::move(item.call);
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
  if (!appended && appended.error().code == ErrorCode::conflict) return be_sure_of(item, appended.error());
  settle(item, appended.ok() ? Status(Ok{}) : Status(appended.error()));
}

// The id is taken: by this very job, which an earlier append has brought there, or by an append of it that was not
// finished and has lost its key to another job meanwhile.
void SpoolForwarder::be_sure_of(Item& item, const Error& conflict) {
  item.call = server_.find(runtime_, item.job.id, [this, &item, conflict](const Result<JobRecord>& record) {
    const auto asked = std::move(item.call);
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
    log_warn("job_not_forwarded", {{"queue", name_}, {"job_id", item.job.id}, {"error", appended.error().message}});
  }
  one_done();
}

void SpoolForwarder::forget_batch() {
  state_ = State::forgetting;
  left_ = batch_.size();
  for (const auto& item : batch_) {
    const auto done = [this](const Status&) { one_done(); };  // what is not forgotten is forwarded again: found there
    const bool in_the_way = refused_ == item->job.id && times_refused_ >= kRefusalsMax;
    const WallTime again_at = in_the_way ? runtime_.wall_now() + kOutOfTheWay : WallTime{};
    item->call =
        item->moved ? spool_.forget(runtime_, item->job, done) : spool_.release(runtime_, item->job, again_at, done);
    forwarded_ += item->moved;
  }
}

void SpoolForwarder::one_done() {
  if (--left_ == 0)
    runtime_.post([this, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) next_stage();
    });
}

void SpoolForwarder::next_stage() {
  switch (state_) {
    case State::claiming:
      claims_.clear();
      if (batch_.empty()) return wait(kLookEvery);  // what is there is not due yet
      return read_bodies();
    case State::reading: return failed_ ? forget_batch() : append_batch();
    case State::appending: return forget_batch();
    case State::forgetting: {
      batch_.clear();
      return wait(failed_ ? kAfterFailure : Duration(0));
    }
    case State::waiting: return;
  }
}

void SpoolForwarder::cancel_disowned() {
  Disowned next;
  {
    const std::lock_guard lock(mutex_);
    if (cancelling_ || disowned_.empty() || disowned_.front().due > runtime_.now()) return;
    next = disowned_.front();
    disowned_.pop_front();
  }
  cancelling_ = server_.cancel(runtime_, next.id, [this, next](const Status& status) {
    const auto done = std::move(cancelling_);
    const ErrorCode code = status ? ErrorCode::conflict : status.error().code;
    const bool away = code != ErrorCode::not_found && code != ErrorCode::conflict;
    const int looks_left = away ? next.looks_left : next.looks_left - 1;
    if (code != ErrorCode::conflict && looks_left > 0) {
      disown({next.id, looks_left, runtime_.now() + kLookAgain});
    }
    if (!away) cancel_disowned();
  });
}

}  // namespace tidegate::jobs
