// Moves what the WAL holds into the database file, on a thread and a connection of its own, so that no commit waits for
// it (an automatic checkpoint stalls the commit that happens to cross the mark, for tens of milliseconds).
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "jobs/sqlite/db.h"

namespace tidegate::jobs {

class SqliteCheckpoint {
 public:
  // Watches the commits of `writer`, which outlives this.
  SqliteCheckpoint(SqliteDb& writer, const std::string& path, const std::string& vfs);
  ~SqliteCheckpoint();

  // On the writer's thread, between groups: where the WAL has outrun its checkpoints, wait for one after all.
  void bound_wal();

 private:
  static int on_commit(void* self, sqlite3* db, const char* name, int pages);
  void run();

  SqliteDb& writer_;
  const std::string path_, vfs_;
  int wal_pages_ = 0;  // writer's thread only
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace tidegate::jobs
