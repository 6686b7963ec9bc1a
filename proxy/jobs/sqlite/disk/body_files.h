// The files of large bodies, in the folder PATH-bodies beside the database PATH: one for each, with a random name,
// which a row of the database has (stored_body.h) from before the file is made until after it is deleted:
//
//   row is committed ──▶ made ──▶ written, synced ──▶ row is a job's, with the checksums ──▶ row is nobody's ─┐
//                          └──────────── given up, or the process has ended ──────────────────────────────────┤
//                                                                 row is deleted ◀── deleted, folder synced ◀──┘
//
// So only what a row names is ever deleted. A file that no row names is another database's, or of commits that were
// lost: it is kept, and reported.
//
// Files are written, synced and deleted on a thread of their own, which no commit waits for: a step for each that is
// due, in turn. What a transaction asks for begins when it is committed.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "jobs/sqlite/disk/body_file.h"
#include "jobs/sqlite/disk/body_write.h"

namespace tidegate::jobs {

class BodyFiles {
 public:
  // `database` exists: where it is a symbolic link, the folder is beside what it leads to. `vfs`: as
  // SqliteOptions::vfs, registered.
  BodyFiles(const std::string& database, const std::string& vfs);
  // Ends after the step under way.
  ~BodyFiles();

  const std::string& folder() const { return folder_; }
  // Those that look like a body's file. Errors: io.
  Result<std::set<std::string>> names() const;
  // A piece of one; fewer bytes only at its end. Errors: as check_readable's.
  Result<std::string> read(const std::string& name, uint64_t offset, size_t count) const;
  // Errors: not_found (though the folder is there and has others), io.
  Status check_readable(const std::string& name) const;
  // Of all files that are being written.
  uint64_t unwritten_bytes() const { return *unwritten_; }

  // The store's thread, inside a transaction. `name` is committed with it.
  std::shared_ptr<BodyWrite> write(const std::string& name, std::shared_ptr<const int64_t> owner, BodyContent body);
  // Where it is not gone yet, its deletion begins with the commit, if it has not begun; ask again after take_news(), or
  // some time later: what could not be deleted is attempted again then, and was logged.
  enum class Removal { under_way, gone, refused };  // refused: too many are under way
  Removal remove(const std::string& name);
  void begin_change() { held_before_change_ = held_.size(); }
  void undo_change() { drop_held(held_before_change_); }
  void committed();
  void rolled_back() { drop_held(0); }

  // A deletion has ended since the last time.
  bool has_news() const { return news_; }
  bool take_news() { return news_.exchange(false); }
  // Runs on the files' thread after each step.
  void on_step(std::function<void()> callback);

 private:
  static constexpr size_t kRemovalsMax = 16;
  struct Task {
    std::string name;
    bool removal;
    std::weak_ptr<BodyWrite> write = {};
  };

  std::string path_of(const std::string& name) const { return folder_ + "/" + name; }
  Result<BodyFile> open(const std::string& name) const;
  Status prepare_folder();
  void drop_held(size_t from);
  void start();
  void run();
  bool step(const Task& task);
  void end_removal(const std::string& name, const Status& removed);

  const std::string folder_;
  sqlite3_vfs* const vfs_;
  const std::shared_ptr<std::atomic<uint64_t>> unwritten_ = std::make_shared<std::atomic<uint64_t>>(0);

  // The store's thread alone.
  std::vector<Task> held_;  // until the commit
  size_t held_before_change_ = 0;

  std::atomic<bool> news_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  std::map<std::string, Removal> removals_;  // under way, or gone and not asked for since
  std::set<std::string> reported_;           // could not be deleted
  std::function<void()> on_step_;
  bool ending_ = false;
  bool folder_is_durable_ = false;  // the files' thread's
  std::thread thread_;              // from the first task on
};

}  // namespace tidegate::jobs
