// The store's thread: takes calls in groups, commits each group once, completes them. Owns the SqliteStore.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "jobs/sqlite/checkpoint.h"
#include "jobs/sqlite/disk/busy_wait.h"
#include "jobs/sqlite/disk/damaged_file.h"
#include "jobs/sqlite/disk/stall_watch.h"
#include "jobs/sqlite/open_store.h"
#include "jobs/sqlite/queue.h"
#include "jobs/sqlite/store.h"
#include "jobs/store_thread.h"
#include "net/clock.h"

namespace tidegate::jobs {

// A call to the store: run inside a group's transaction, completed after the commit.
// This is what the thread sees of it, whatever its result type is.
class SqliteCall {
 public:
  explicit SqliteCall(std::shared_ptr<StoreCall> who) : waiting(std::move(who)) {}
  virtual ~SqliteCall() = default;

  const std::shared_ptr<StoreCall> waiting;
  std::string promised;     // the id of a job that must be cancelled if it turns up after its commit has failed
  bool makes_work = false;  // once committed, a claim may find more than before
  bool correction = false;  // the store's own: taken as long as the thread runs, and nobody waits for it
  uint64_t bytes = 0;       // of a body, that a step of it writes
  bool ended = false;       // the thread's: it needs no more steps

  // Store's thread; the result is kept until completion. False: another step, in a later commit, is needed.
  virtual bool run(SqliteStore& store) = 0;
};

template <typename T>
class TypedSqliteCall final : public SqliteCall {
 public:
  // No value: it needs another step.
  using Work = std::function<std::optional<Result<T>>(SqliteStore&)>;

  TypedSqliteCall(std::shared_ptr<PendingCall<T>> pending, Work work)
      : SqliteCall(pending), pending_(std::move(pending)), work_(std::move(work)) {}

  bool run(SqliteStore& store) override {
    auto result = work_(store);
    if (result) pending_->set(std::move(*result));
    return result.has_value();
  }

 private:
  std::shared_ptr<PendingCall<T>> pending_;
  Work work_;
};

class SqliteThread final : public StoreThread {
 public:
  // Without a store (the disk is full, or may not be written to; the file is damaged): unavailable until it can be
  // opened. `findings`: of that first opening.
  SqliteThread(const SqliteOptions& options, Result<OpenStore> opened, SqliteFindings findings);
  ~SqliteThread() override { stop(); }

  // As StoreThread's; unavailable too while the store hangs on its disk.
  QueueView view() const;
  // Any thread. A call that cannot be taken ends as unavailable.
  void submit(std::shared_ptr<SqliteCall> call);

 private:
  using Group = std::vector<std::shared_ptr<SqliteCall>>;

  void run() override;
  void on_closing() override {
    busy_wait_.begin_closing(net::read_monotonic_clock());
    wake_.notify_one();
  }
  void on_ended() override;
  Group take_group();
  void wait_for_batch(std::unique_lock<std::mutex>& lock, size_t batch_size);
  void run_group(const Group& group);
  void run_changes(const Group& group);
  bool run_change(SqliteCall& call);
  void fail_group(const Group& group, const SqliteFailure& failure);
  void lose_store(const Group& group, const SqliteFailure& failure);
  void reopen();
  void cannot_open(const Error& why);
  SqliteStore& store() { return *open_->store; }
  void adopt(OpenStore opened);
  void publish_view();
  // It is known whether the store can be used or not.
  void publish_missing() {
    const std::lock_guard lock(mutex_);
    view_.missing = findings_.missing;
  }
  Duration busy_wait_left() const { return busy_wait_.left(net::read_monotonic_clock()); }
  void limit_busy_wait(SqliteStore& store) const { store.db().set_busy_wait(busy_wait_left()); }
  void sweep_on();
  void finish();

  const SqliteOptions options_;
  StallWatch stall_watch_{options_.path, options_.stall_after};
  BusyWait busy_wait_{options_.busy_wait};
  std::optional<OpenStore> open_;  // none while the disk is broken
  bool was_open_ = false;
  SqliteFindings findings_;
  DamagedFile damaged_file_{options_.path};
  std::unique_ptr<SqliteCheckpoint> checkpoint_;
  std::vector<std::string> to_cancel_;  // ids of failed appends: cancelled if found after reopening
  size_t last_group_ = 0;
  std::deque<std::shared_ptr<SqliteCall>> unfinished_;  // large bodies; the first has a step in the next commit

  // Under the lock.
  std::condition_variable wake_;
  std::deque<std::shared_ptr<SqliteCall>> waiting_;
  size_t wake_at_ = 1;  // so many waiting calls wake the thread
};

}  // namespace tidegate::jobs
