#include "jobs/sqlite/thread.h"

#include <algorithm>

#include "base/log.h"
#include "jobs/sqlite/operations.h"
#include "net/clock.h"

namespace tidegate::jobs {

namespace {
constexpr Duration kLull = 150us;
// What one commit writes of bodies, about. Beside other calls large bodies get one step, so that these wait little.
constexpr uint64_t kGroupBytesMax = 2 << 20;
}  // namespace

SqliteThread::SqliteThread(const SqliteOptions& options, Result<OpenStore> opened, SqliteFindings findings)
    : options_(options), findings_(std::move(findings)) {
  publish_missing();
  opened ? adopt(std::move(*opened)) : cannot_open(opened.error());
  start();
}

void SqliteThread::adopt(OpenStore opened) {
  open_.emplace(std::move(opened));
  was_open_ = true;
  findings_.suspect = findings_.log_kept = false;
  damaged_file_.forget();
  const auto passed = [this] {  // of a checkpoint, or of a file of a body: a step may be due
    const std::lock_guard lock(mutex_);
    wake_.notify_one();
  };
  store().body_files().on_step(passed);
  checkpoint_ = std::make_unique<SqliteCheckpoint>(store().db(), options_.path, options_.vfs,
                                                   SqliteCheckpoint::Events{options_.on_checkpoint_blocked, passed});
  publish_view();
}

// What was committed stays so: a store that cannot be looked at fails no call.
void SqliteThread::publish_view() {
  try {
    QueueView view = store().view();
    view.missing = findings_.missing;
    publish(std::move(view));
  } catch (const SqliteFailure& failure) {
    log_error("store_failed", {{"store", options_.path}, {"reason", failure.what()}, {"calls", 0}});
    if (failure.handle_is_lost()) lose_store({}, failure);
  }
}

QueueView SqliteThread::view() const {
  QueueView view = StoreThread::view();
  if (!view.available) return view;
  view.why_unavailable = stall_watch_.why_unavailable();
  view.available = view.why_unavailable.empty();
  return view;
}

void SqliteThread::submit(std::shared_ptr<SqliteCall> call) {
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    // A correction is taken as long as the thread runs.
    const bool correctable = call->correction && phase_ != Phase::ended;
    if (!correctable) reason = refusal(waiting_.size(), options_.pending_max);
    if (reason.empty() && !view_.available) {
      reason = view_.why_unavailable.empty() ? "the store is unavailable" : view_.why_unavailable;
    }
    if (reason.empty()) {
      waiting_.push_back(std::move(call));
      // A thread that waits for a batch is not woken by each call.
      if (waiting_.size() == 1 || waiting_.size() >= wake_at_) wake_.notify_one();
      return;
    }
  }
  refuse(call->waiting, std::move(reason));
}

void SqliteThread::run() {
  for (;;) {
    if (!open_) reopen();
    const Group group = take_group();
    if (open_ && store().body_files().take_news()) store().sweep_state().more = true;
    if (open_) limit_busy_wait(store());
    if (!group.empty()) {
      run_group(group);
    } else if (open_ && store().sweep_state().more) {
      sweep_on();
    }
    stall_watch_.begin();
    if (open_) checkpoint_->between_groups();
    stall_watch_.end();
    const std::lock_guard lock(mutex_);
    if (group.empty() && unfinished_.empty() && phase_ != Phase::open && waiting_.empty()) break;
  }
  finish();
}

// Waits for calls; then, where several have been coming at once, a moment for more of them. While a large body is being
// written there is no wait: its steps give the others time to come. But a step of it waits for a pass of the
// checkpoints that it would outrun.
SqliteThread::Group SqliteThread::take_group() {
  std::unique_lock lock(mutex_);
  const auto something = [&] {
    const bool ending = phase_ != Phase::open && unfinished_.empty();
    return !waiting_.empty() || ending || step_is_due() || (open_ && store().body_files().has_news());
  };
  if (!open_) {
    wake_.wait_for(lock, options_.reopen_every, something);
  } else if (!store().sweep_state().more) {
    wake_.wait(lock, something);
  }
  const auto batch_max = static_cast<size_t>(options_.batch_max);
  if (unfinished_.empty() && last_group_ > 1 && waiting_.size() < last_group_ && phase_ == Phase::open) {
    wait_for_batch(lock, std::min(batch_max, last_group_));
  }
  Group group;
  uint64_t bytes = 0;
  while (!waiting_.empty() && group.size() < batch_max && bytes < kGroupBytesMax) {
    bytes += waiting_.front()->bytes;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (step_is_due()) group.push_back(unfinished_.take_due());
  last_group_ = group.size();
  return group;
}

// Until there are as many as in the group before, or none has come for kLull: clients come in bursts, job runs singly.
void SqliteThread::wait_for_batch(std::unique_lock<std::mutex>& lock, size_t batch_size) {
  const Time until = net::read_monotonic_clock() + options_.batch_wait;
  wake_at_ = batch_size;
  for (size_t seen = 0; seen < waiting_.size() && net::read_monotonic_clock() < until;) {
    seen = waiting_.size();
    if (wake_.wait_for(lock, kLull, [&] { return phase_ != Phase::open || waiting_.size() >= batch_size; })) break;
  }
  wake_at_ = 1;
}

void SqliteThread::run_group(const Group& group) {
  try {
    if (!open_) throw SqliteFailure(nullptr, SQLITE_CANTOPEN, "the store is closed after an error");
    store().check_file();
    store().refresh_free_disk();
    store().begin();
    stall_watch_.begin();  // not before: another process's lock is no stall
    run_changes(group);
    const Time before = net::read_monotonic_clock();
    store().commit();
    findings_.on_commit();
    if (options_.on_commit) options_.on_commit(net::read_monotonic_clock() - before);
  } catch (const SqliteFailure& failure) {
    fail_group(group, failure);
  }
  stall_watch_.end();  // before anybody is told: who looks then finds the store at work
  if (open_) publish_view();
  bool work = false;
  for (const auto& call : group) {
    if (!call->ended && !open_) {
      call->waiting->fail({ErrorCode::io, "the store is closed after an error"});
    } else if (!call->ended) {
      unfinished_.add(call);
      continue;
    }
    work = work || call->makes_work;
    StoreCall::complete(call->waiting);
  }
  if (work) announce_work();
}

// A large body has one step of it, as long as there are others.
void SqliteThread::run_changes(const Group& group) {
  for (const auto& call : group) {
    uint64_t bytes = 0;
    do {
      call->ended = run_change(*call);
      bytes += call->bytes;
    } while (!call->ended && !call->waits() && group.size() == 1 && bytes < kGroupBytesMax);
  }
}

// True: the call has ended. A change that fails alone (a full disk) is undone alone, if the transaction is intact.
bool SqliteThread::run_change(SqliteCall& call) {
  if (call.waiting->dropped()) {
    call.waiting->fail({ErrorCode::cancelled, "nobody waits"});
    return true;
  }
  store().begin_change();
  bool ended = false;
  try {
    ended = call.run(store());
  } catch (const SqliteFailure& failure) {
    if (failure.handle_is_lost() || !store().in_transaction()) throw;
    log_warn("store_call_failed", {{"store", options_.path}, {"reason", failure.what()}});
    call.waiting->fail(failure.to_error());
    store().undo_change();
    return true;
  }
  store().keep_change();
  return ended;
}

void SqliteThread::fail_group(const Group& group, const SqliteFailure& failure) {
  for (const auto& call : group) {
    call->waiting->fail(failure.to_error());
    call->ended = true;
  }
  if (failure.locked()) {
    log_warn("store_locked", {{"store", options_.path}, {"reason", failure.what()}, {"calls", group.size()}});
  } else {
    log_error("store_failed", {{"store", options_.path}, {"reason", failure.what()}, {"calls", group.size()}});
  }
  if (open_) store().rollback();
  if (failure.handle_is_lost() && open_) lose_store(group, failure);
}

void SqliteThread::lose_store(const Group& group, const SqliteFailure& failure) {
  publish_unavailable(failure.to_error().message);  // first: closing it waits for the disk
  for (const auto& call : group) {
    if (!call->promised.empty()) to_cancel_.push_back(call->promised);
  }
  // What they have written belongs to nobody: the store that is opened next deletes it.
  for (const auto& call : unfinished_.take_all()) {
    call->waiting->fail(failure.to_error());
    StoreCall::complete(call->waiting);
  }
  checkpoint_.reset();
  open_.reset();
  findings_.suspect = findings_.suspect || failure.damaged();
}

// What a sweep has left, between groups, so that no call waits for it.
void SqliteThread::sweep_on() {
  try {
    store().begin();
    stall_watch_.begin();
    sweep_late(store(), store().sweep_state().swept_at);
    store().commit();
    findings_.on_commit();
  } catch (const SqliteFailure& failure) {
    log_error("store_failed", {{"store", options_.path}, {"reason", failure.what()}});
    store().rollback();
    if (failure.handle_is_lost()) return lose_store({}, failure);
    store().sweep_state().more = false;
  }
  stall_watch_.end();
  publish_view();
}

void SqliteThread::cannot_open(const Error& why) {
  if (why.code == ErrorCode::invalid) return publish_unavailable(damaged_file_.found(why.message));
  if (!was_open_ && view().available)
    log_error("store_unavailable", {{"store", options_.path}, {"reason", why.message}});
  publish_unavailable(why.message);
}

void SqliteThread::reopen() {
  if (damaged_file_.is_unchanged()) return;
  SqliteOptions options = options_;
  options.busy_wait = busy_wait_left();
  auto opened = open_store(options, !was_open_, findings_);
  publish_missing();
  if (!opened) return cannot_open(opened.error());
  limit_busy_wait(*opened->store);
  try {
    resume_store(*opened->store, to_cancel_);
  } catch (const SqliteFailure& failure) {
    opened->store->rollback();
    findings_.suspect = findings_.suspect || failure.damaged();
    return publish_unavailable(failure.to_error().message);
  }
  to_cancel_.clear();
  adopt(std::move(*opened));
  if (open_) log_info("store_recovered", {{"store", options_.path}});
}

void SqliteThread::finish() {
  checkpoint_.reset();
  try {
    if (open_) limit_busy_wait(store());
    if (open_) store().finish();
  } catch (const SqliteFailure& failure) {  // what was committed is in the WAL
    log_warn("checkpoint_failed", {{"store", options_.path}, {"reason", failure.what()}});
  }
  open_.reset();
}

// Corrections that were submitted during finish().
void SqliteThread::on_ended() {
  std::deque<std::shared_ptr<SqliteCall>> late;
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    late.swap(waiting_);
    reason = refusal(late.size(), options_.pending_max);
  }
  for (const auto& call : late) refuse(call->waiting, reason);
}

}  // namespace tidegate::jobs
