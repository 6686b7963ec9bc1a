// Keeps the WAL short: moves what it holds into the database file.
//
//        the WAL has grown by kPassFrames            the store's thread is between two groups
//   idle ───────────────────────────────▶ wanted ─▶ passing ─▶ idle ─────────────────────────▶ the rest is moved
//
// A pass runs on a thread and a connection of its own, beside the commits, so that none waits for it (an automatic
// checkpoint stalls the commit that crosses the mark for tens of milliseconds). A commit begins the WAL again from its
// start only if all of it has been moved, and a pass beside commits always leaves some: these few frames are moved by
// the store's thread itself. Where another connection reads an old state (a backup, a shell within a transaction)
// neither can go on: that is reported, and attempted again whenever the WAL has grown as much again.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "jobs/sqlite/db/db.h"

namespace tidegate::jobs {

class SqliteCheckpoint {
 public:
  // Frames of one page. With nobody reading, the WAL stays below four times as many, if no commit is larger than one.
  static constexpr int kPassFrames = 1000;

  struct Events {
    std::function<void()> blocked;  // on the writer's thread: another connection has stopped a checkpoint
    std::function<void()> passed;   // on the passes' thread: behind() may be false now
  };

  // Watches the commits of `writer`, which outlives this.
  SqliteCheckpoint(SqliteDb& writer, const std::string& path, const std::string& vfs, Events events);
  ~SqliteCheckpoint();

  // Writer's thread. Waits for a pass only where commits outrun it.
  void between_groups();
  // Writer's thread: commits are outrunning the pass under way. What can wait for its end should, so that nothing else
  // has to.
  bool behind();

 private:
  enum class State { idle, wanted, passing };

  static int on_commit(void* self, sqlite3* db, const char* name, int frames);
  void begin_again();
  bool pass_is_due(int grown);
  void move_rest();
  void note_blocked();
  void run();
  int pass(std::unique_ptr<SqliteDb>& db);

  SqliteDb& writer_;
  const std::string path_, vfs_;
  const Events events_;

  // The writer's thread alone.
  int frames_ = 0;           // in the WAL
  int attempted_at_ = 0;     // frames_ when a checkpoint was blocked last
  bool rest_moved_ = false;  // the next commit should begin the WAL again
  bool blocked_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  State state_ = State::idle;
  bool ending_ = false;
  uint64_t lap_ = 0;  // how often the WAL has begun again
  int passed_ = 0;    // frames of this lap that passes have looked at
  std::thread thread_;
};

}  // namespace tidegate::jobs
