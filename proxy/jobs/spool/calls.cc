#include "jobs/spool/calls.h"

#include "jobs/spool/forwarder.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kMoving = 50ms;  // a job on its way is looked for again after this

// The server has understood and decided.
bool is_verdict(const Result<Appended>& appended) {
  return appended.ok() || appended.error().code == ErrorCode::exhausted ||
         appended.error().code == ErrorCode::invalid || appended.error().code == ErrorCode::conflict;
}

}  // namespace

uint64_t spool_open_jobs(const QueueView& spool) {
  uint64_t open = 0;
  for (size_t i = 0; i < spool.depth.size(); ++i) {
    if (!is_final(static_cast<JobStatus>(i))) open += spool.depth[i];
  }
  return open;
}

Callback<JobRecord> as_waiting(Callback<JobRecord> done) {
  return [done = std::move(done)](Result<JobRecord> record) {
    if (record && !is_final(record->status)) {
      record->status = JobStatus::queued;
      record->attempt = 0;
      record->next_attempt_at.reset();
    }
    done(std::move(record));
  };
}

// ---- append ----

OperationPtr SpooledAppend::begin(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                                  JobDraft draft, bool ask_server, Callback<Appended> done) {
  auto append = std::make_unique<SpooledAppend>(home, server, spool, forwarder, std::move(draft), std::move(done));
  ask_server ? append->ask_server() : append->ask_spool();
  return append;
}

SpooledAppend::SpooledAppend(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                             JobDraft draft, Callback<Appended> done)
    : home_(home),
      server_(server),
      spool_(spool),
      forwarder_(forwarder),
      draft_(std::move(draft)),
      done_(std::move(done)),
      patience_(home, [this] { give_up_on_server("no word within the time for an append"); }) {}

// The caller has gone, or has its answer. A call that the server has not answered goes with it, and is undone, unless
// the spool has taken over. What the spool was doing is undone by its dropping, and may have been forwarded already.
SpooledAppend::~SpooledAppend() {
  if (at_server_) at_server_->owner = nullptr;
  if (at_server_ && !at_spool_) at_server_->operation.reset();
  if (done_ && at_spool_) forwarder_.disown(draft_.id);
}

void SpooledAppend::ask_server() {
  patience_.start_after(kPatience);
  at_server_ = std::make_shared<ServerCall>();
  at_server_->owner = this;
  // The call holds itself until it is answered, which every queue does within a bound.
  at_server_->operation = server_.append(home_, draft_, [call = at_server_](Result<Appended> appended) {
    const auto operation = std::move(call->operation);
    if (call->owner) call->owner->on_server(std::move(appended));
  });
}

void SpooledAppend::on_server(Result<Appended> appended) {
  patience_.stop();
  if (at_spool_) return;  // too late: the spool has been asked
  if (!is_verdict(appended)) return give_up_on_server(appended.error().message);
  const auto done = std::exchange(done_, nullptr);
  done(std::move(appended));  // may destroy this
}

void SpooledAppend::give_up_on_server(const std::string& why) {
  forwarder_.suspect_server(why);
  ask_spool();
}

void SpooledAppend::ask_spool() {
  at_spool_ = spool_.append(home_, draft_, [this](Result<Appended> appended) { on_spool(std::move(appended)); });
}

void SpooledAppend::on_spool(Result<Appended> appended) {
  // Nobody has it for sure: nobody may be found to have it.
  const bool other = appended.ok() && appended->id != draft_.id;
  if (at_server_ && (!appended.ok() || other)) forwarder_.disown(draft_.id);
  const auto done = std::exchange(done_, nullptr);
  done(std::move(appended));  // may destroy this
}

// ---- cancel ----

OperationPtr SpooledCancel::begin(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                                  const std::string& id, Callback<Ok> done) {
  auto cancel = std::make_unique<SpooledCancel>(home, server, spool, forwarder, id, std::move(done));
  cancel->ask_spool();
  return cancel;
}

SpooledCancel::SpooledCancel(net::Runtime& home, JobQueue& server, SqliteSpool& spool, SpoolForwarder& forwarder,
                             const std::string& id, Callback<Ok> done)
    : server_(server),
      spool_(spool),
      forwarder_(forwarder),
      home_(home),
      id_(id),
      done_(std::move(done)),
      again_(home, [this] { ask_spool(); }) {}

void SpooledCancel::ask_spool() {
  now_ = spool_.cancel(home_, id_, [this](Status status) { on_spool(std::move(status)); });
}

void SpooledCancel::on_spool(Status status) {
  const auto asked = std::exchange(now_, nullptr);
  if (status) {
    forwarder_.disown(id_);  // an append in doubt may have left it at the server too
    return done_(Ok{});
  }
  const ErrorCode code = status.error().code;
  if (code == ErrorCode::not_found && cancelled_there_) return done_(Ok{});
  if (code == ErrorCode::not_found || code == ErrorCode::conflict) return ask_server(code == ErrorCode::conflict);
  done_(std::move(status));
}

// `moving`: the forwarder has it in hand, or it has ended in the spool. The server's word on one that is moving is not
// the last: an append that was cancelled on its way may fail and be tried again, until the spool has let go of the job.
void SpooledCancel::ask_server(bool moving) {
  now_ = server_.cancel(home_, id_, [this, moving](Status status) {
    const auto asked = std::exchange(now_, nullptr);
    const bool not_there = !status && status.error().code == ErrorCode::not_found;
    cancelled_there_ = cancelled_there_ || status.ok();
    if (moving && cancelled_there_ && --tries_left_ > 0) return again_.start_after(kMoving);
    if (moving && not_there && --tries_left_ > 0) return again_.start_after(kMoving);
    if (moving && not_there) return done_(Error{ErrorCode::conflict, "the job is being forwarded"});
    done_(std::move(status));
  });
}

}  // namespace tidegate::jobs
