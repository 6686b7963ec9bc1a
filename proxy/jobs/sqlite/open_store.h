// Opening a store: its folder, the right to its file, and the file itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "jobs/sqlite/disk/file_lock.h"
#include "jobs/sqlite/queue.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

// The file, and the right to it: one process at a time.
struct OpenStore {
  FileLock lock;
  std::unique_ptr<SqliteStore> store;
};

// `after_crash`, `findings`: see SqliteStore::open. Makes the folder and the file; nobody but their owner may read
// them.
Result<OpenStore> open_store(const SqliteOptions& options, bool after_crash, SqliteFindings& findings);

// Of one that was lost, and is open again: cancels the jobs that were promised to nobody, where their commit has become
// durable all the same. That this is committed proves that the disk writes again. Throws SqliteFailure.
void resume_store(SqliteStore& store, const std::vector<std::string>& unpromised);

}  // namespace tidegate::jobs
