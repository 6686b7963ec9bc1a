#include "jobs/sqlite_thread.h"

#include <algorithm>

#include "base/log.h"
#include "net/clock.h"

namespace tidegate::jobs {

SqliteThread::SqliteThread(const SqliteOptions& options, FileLock lock, std::unique_ptr<SqliteStore> store)
    : options_(options), lock_(std::move(lock)), store_(std::move(store)) {
  checkpoint_ = std::make_unique<SqliteCheckpoint>(store_->db(), options_.path, options_.vfs);
  publish();
  thread_ = std::thread([this] { run(); });
}

void SqliteThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void SqliteThread::submit(std::shared_ptr<StoreCall> call) {
  {
    const std::lock_guard lock(mutex_);
    const bool full = waiting_.size() >= options_.pending_max;
    if (!full && !closing_ && view_.available) {
      waiting_.push_back(std::move(call));
      wake_.notify_one();
      return;
    }
    const char* why = closing_ ? "the store is closing" : full ? "the store is behind: too many calls wait" : nullptr;
    call->fail({ErrorCode::unavailable, why ? why : view_.why_unavailable});
  }
  StoreCall::answer(call);
}

QueueView SqliteThread::view() const {
  const std::lock_guard lock(mutex_);
  QueueView view = view_;
  if (closing_) view.available = false, view.why_unavailable = "the store is closing";
  return view;
}

void SqliteThread::on_work(net::Runtime& home, std::function<void()> changed) {
  const std::lock_guard lock(listener_->mutex);
  listener_->home = changed ? &home : nullptr;
  listener_->changed = std::move(changed);
  ++listener_->registration;
}

void SqliteThread::tell_listener(const Group& group) {
  if (std::none_of(group.begin(), group.end(), [](const auto& call) { return call->makes_work; })) return;
  const std::lock_guard lock(listener_->mutex);
  if (!listener_->home) return;
  listener_->home->post([listener = listener_, registration = listener_->registration] {
    std::function<void()> changed;
    {
      const std::lock_guard inner(listener->mutex);
      if (listener->registration == registration) changed = listener->changed;
    }
    if (changed) changed();
  });
}

void SqliteThread::close(net::Runtime& home, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return home.post(std::move(done));
    closing_ = true;
    closers_.emplace_back(&home, std::move(done));
  }
  wake_.notify_one();
}

void SqliteThread::run() {
  for (;;) {
    if (!store_) reopen();
    const Group group = take_group();
    if (!group.empty()) {
      run_group(group);
      continue;
    }
    const std::lock_guard lock(mutex_);
    if (closing_ && waiting_.empty()) break;
  }
  finish();
}

// Waits for calls; then, where calls have been coming in company, a moment for more of them.
SqliteThread::Group SqliteThread::take_group() {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return !waiting_.empty() || closing_; };
  store_ ? wake_.wait(lock, something) : static_cast<void>(wake_.wait_for(lock, options_.reopen_every, something));
  const auto batch_max = static_cast<size_t>(options_.batch_max);
  if (last_group_ > 1 && waiting_.size() < last_group_ && !closing_) {
    wake_.wait_for(lock, options_.batch_wait,
                   [&] { return closing_ || waiting_.size() >= std::min(batch_max, last_group_); });
  }
  Group group;
  while (!waiting_.empty() && group.size() < batch_max) {
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  last_group_ = group.size();
  return group;
}

void SqliteThread::run_group(const Group& group) {
  try {
    if (!store_) throw SqliteFailure(nullptr, SQLITE_CANTOPEN, "the store is closed after an error");
    store_->refresh_free_disk();
    store_->begin();
    run_changes(group);
    const Time before = net::read_monotonic_clock();
    store_->commit();
    if (options_.on_commit) options_.on_commit(net::read_monotonic_clock() - before);
    publish();
  } catch (const SqliteFailure& failure) {
    for (const auto& call : group) call->fail(failure.to_error());
    log_error("store_failed", {{"store", options_.path}, {"error", failure.what()}, {"calls", group.size()}});
    if (store_) store_->rollback();
    if (failure.handle_is_lost() && store_) lose_store(group, failure);
  }
  for (const auto& call : group) StoreCall::answer(call);
  tell_listener(group);
  if (store_) checkpoint_->bound_wal();
}

// A change that fails alone (a full disk) is undone alone, as long as the transaction stands.
void SqliteThread::run_changes(const Group& group) {
  for (const auto& call : group) {
    if (call->dropped()) {
      call->fail({ErrorCode::cancelled, "nobody waits"});
      continue;
    }
    store_->begin_change();
    try {
      call->run(*store_);
    } catch (const SqliteFailure& failure) {
      if (failure.handle_is_lost() || !store_->in_transaction()) throw;
      log_warn("store_call_failed", {{"store", options_.path}, {"error", failure.what()}});
      call->fail(failure.to_error());
      store_->undo_change();
      continue;
    }
    store_->keep_change();
  }
}

void SqliteThread::lose_store(const Group& group, const SqliteFailure& failure) {
  for (const auto& call : group) {
    if (!call->promised.empty()) disowned_.push_back(call->promised);
  }
  checkpoint_.reset();
  store_.reset();
  const std::lock_guard lock(mutex_);
  view_.available = false;
  view_.why_unavailable = failure.what();
}

void SqliteThread::reopen() {
  auto opened = SqliteStore::open(options_.path, options_.vfs, options_.limits, false);
  if (!opened) {
    const std::lock_guard lock(mutex_);
    view_.why_unavailable = opened.error().message;
    return;
  }
  store_ = std::move(*opened);
  try {
    store_->begin();
    // An id that is not there, or has moved on, is as good as cancelled: the status is of no interest.
    for (const std::string& id : disowned_) static_cast<void>(store_->cancel(id, WallTime{}));
    store_->touch();
    store_->commit();
  } catch (const SqliteFailure& failure) {
    store_->rollback();
    store_.reset();
    const std::lock_guard lock(mutex_);
    view_.why_unavailable = failure.what();
    return;
  }
  disowned_.clear();
  checkpoint_ = std::make_unique<SqliteCheckpoint>(store_->db(), options_.path, options_.vfs);
  publish();
  log_info("store_reopened", {{"store", options_.path}});
}

void SqliteThread::publish() {
  QueueView view = store_->view();
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

void SqliteThread::finish() {
  checkpoint_.reset();
  if (store_) sqlite3_wal_checkpoint_v2(store_->db().handle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  store_.reset();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (auto& [home, done] : closers_) home->post(std::move(done));
  closers_.clear();
}

}  // namespace tidegate::jobs
