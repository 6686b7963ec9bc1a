#include "jobs/sqlite/open_store.h"

#include <filesystem>

#include "base/private_files.h"
#include "jobs/sqlite/operations.h"

namespace tidegate::jobs {

Result<OpenStore> open_store(const SqliteOptions& options, bool after_crash, SqliteFindings& findings) {
  if (const Status made = make_private_folders(std::filesystem::path(options.path).parent_path()); !made) {
    return made.error();
  }
  auto lock = FileLock::take(options.path);
  if (!lock) return lock.error();
  // SQLite gives its companions the mode of the file.
  if (const Status made = make_private_file(options.path); !made) return made.error();
  for (const char* end : {"", "-wal", "-shm"}) keep_private(options.path + end);
  keep_private(BodyFiles(options.path, options.vfs).folder());
  auto store = SqliteStore::open(options, after_crash, findings);
  if (!store) return store.error();
  return OpenStore{std::move(*lock), std::move(*store)};
}

void resume_store(SqliteStore& store, const std::vector<std::string>& unpromised) {
  store.begin();
  // An id that is not there, or has moved on, is as good as cancelled: the status is of no interest.
  for (const std::string& id : unpromised) static_cast<void>(cancel_job(store, id, WallTime{}));
  store.touch();
  store.commit();
}

}  // namespace tidegate::jobs
