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

#include "jobs/sqlite/call.h"
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
  // Unless it would outrun the checkpoints.
  bool step_is_due() const { return unfinished_.step_is_due() && (phase_ != Phase::open || !checkpoint_->behind()); }
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
  UnfinishedCalls unfinished_;

  // Under the lock.
  std::condition_variable wake_;
  std::deque<std::shared_ptr<SqliteCall>> waiting_;
  size_t wake_at_ = 1;  // so many waiting calls wake the thread
};

}  // namespace tidegate::jobs
