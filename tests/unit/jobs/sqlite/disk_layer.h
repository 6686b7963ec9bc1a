// A file layer under the real SQLite, over its default one: what a test's disk does differently is overridden, all else
// is passed on. Locks and shared memory are always the real ones.
//
//   SqliteStore ──▶ SQLite ──▶ DiskLayer (a test's) ──▶ SQLite's own unix layer ──▶ files
//
// A layer is registered for the life of the process: make it static. Its functions run on any thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::jobs {

enum class DiskFile { database, wal, journal, body };
enum class DiskStep { open, read, write, sync, truncate, map_shared, remove };

class DiskLayer {
 public:
  // An open file; ours in front, the real one behind it in the same allocation.
  struct File {
    sqlite3_file base;
    DiskLayer* layer;
    std::string* path;
    DiskFile kind;
    bool created;     // by this opening
    bool folder_due;  // the unix layer syncs the folder with this handle's first sync

    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
    int write(std::string_view bytes, int64_t at) {
      return real()->pMethods->xWrite(real(), bytes.data(), static_cast<int>(bytes.size()), at);
    }
    int truncate(int64_t size) { return real()->pMethods->xTruncate(real(), size); }
    int sync(int flags) { return real()->pMethods->xSync(real(), flags); }
  };

  // `name` goes into SqliteOptions::vfs and outlives the process.
  explicit DiskLayer(const char* name);
  virtual ~DiskLayer() = default;
  const char* name() const { return vfs_.zName; }

  // Each answers an SQLite code. `opened` comes after the opening, all others stand in the place of the step.
  virtual int opened(File&) { return SQLITE_OK; }
  virtual int before(DiskStep, File&) { return SQLITE_OK; }  // read and map_shared
  virtual int write(File& file, std::string_view bytes, int64_t at) { return file.write(bytes, at); }
  virtual int truncate(File& file, int64_t size) { return file.truncate(size); }
  virtual int sync(File& file, int flags) { return file.sync(flags); }
  virtual int remove(const std::string& path, bool sync_folder) { return remove_real(path, sync_folder); }
  // A wait for a lock, of so many microseconds.
  virtual int sleep(int time_us) { return below_->xSleep(below_, time_us); }
  // SQLITE_NOTFOUND: SQLite does it. SQLITE_OK: it is done, and answers `reply` where that is not null.
  virtual int pragma(std::string_view /*name*/, const char* /*value*/, std::string* /*reply*/) {
    return SQLITE_NOTFOUND;
  }

 protected:
  int remove_real(const std::string& path, bool sync_folder);

 private:
  static int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out);
  static int sleep_for(sqlite3_vfs* vfs, int time_us);
  static int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder);

  sqlite3_vfs vfs_;
  sqlite3_vfs* below_;
};

}  // namespace tidegate::jobs
