#include "jobs/sqlite/checkpoint.h"

#include "base/log.h"

namespace tidegate::jobs {

namespace {
constexpr int kWorthwhilePages = 1000;  // 4 MB
constexpr int kTooManyPages = 32'000;   // 128 MB
}  // namespace

SqliteCheckpoint::SqliteCheckpoint(SqliteDb& writer, const std::string& path, const std::string& vfs)
    : writer_(writer), path_(path), vfs_(vfs), thread_([this] { run(); }) {
  sqlite3_wal_hook(writer_.handle(), &on_commit, this);
}

SqliteCheckpoint::~SqliteCheckpoint() {
  sqlite3_wal_hook(writer_.handle(), nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

int SqliteCheckpoint::on_commit(void* self, sqlite3*, const char*, int pages) {
  auto* checkpoint = static_cast<SqliteCheckpoint*>(self);
  checkpoint->wal_pages_ = pages;
  if (pages < kWorthwhilePages) return SQLITE_OK;
  const std::lock_guard lock(checkpoint->mutex_);
  checkpoint->wanted_ = true;
  checkpoint->wake_.notify_one();
  return SQLITE_OK;
}

void SqliteCheckpoint::bound_wal() {
  if (wal_pages_ < kTooManyPages) return;
  wal_pages_ = 0;
  sqlite3_wal_checkpoint_v2(writer_.handle(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
}

void SqliteCheckpoint::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return wanted_ || ending_; });
      if (ending_) return;
      wanted_ = false;
    }
    try {
      SqliteDb db(path_, vfs_);
      // Passive: takes what it can without making the writer wait. What is left waits for the next commit.
      const int result = sqlite3_wal_checkpoint_v2(db.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
      if (result != SQLITE_OK && (result & 0xff) != SQLITE_BUSY) throw SqliteFailure(db.handle(), result, "checkpoint");
    } catch (const SqliteFailure& failure) {
      log_warn("checkpoint_failed", {{"store", path_}, {"reason", failure.what()}});
    }
  }
}

}  // namespace tidegate::jobs
