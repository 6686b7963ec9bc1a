#include "jobs/sqlite/checkpoint.h"

#include <limits>

#include "base/log.h"

namespace tidegate::jobs {

namespace {

// So many the store's thread moves in a few milliseconds.
constexpr int kRestFrames = SqliteCheckpoint::kPassFrames / 4;
constexpr int kBehindFrames = 2 * SqliteCheckpoint::kPassFrames;
constexpr int kTooManyFrames = 3 * SqliteCheckpoint::kPassFrames;
constexpr const char* kBlocked = "another connection reads an old state of the file, or makes a checkpoint itself";

}  // namespace

SqliteCheckpoint::SqliteCheckpoint(SqliteDb& writer, const std::string& path, const std::string& vfs, Events events)
    : writer_(writer), path_(path), vfs_(vfs), events_(std::move(events)), thread_([this] { run(); }) {
  sqlite3_wal_hook(writer_.handle(), &on_commit, this);
}

SqliteCheckpoint::~SqliteCheckpoint() {
  sqlite3_wal_hook(writer_.handle(), nullptr, nullptr);
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// ---- the writer's thread ----

int SqliteCheckpoint::on_commit(void* self, sqlite3*, const char*, int frames) {
  auto* checkpoint = static_cast<SqliteCheckpoint*>(self);
  const bool again = frames < checkpoint->frames_;
  checkpoint->frames_ = frames;
  if (again) {
    checkpoint->begin_again();
  } else if (checkpoint->rest_moved_) {
    checkpoint->note_blocked();
  }
  checkpoint->rest_moved_ = false;
  return SQLITE_OK;
}

void SqliteCheckpoint::begin_again() {
  attempted_at_ = 0;
  if (blocked_) log_info("checkpoint_recovered", {{"store", path_}});
  blocked_ = false;
  const std::lock_guard lock(mutex_);
  ++lap_;
  passed_ = 0;
}

void SqliteCheckpoint::between_groups() {
  const int grown = frames_ - attempted_at_;
  if (grown >= kPassFrames && !pass_is_due(grown)) move_rest();
}

bool SqliteCheckpoint::behind() {
  if (frames_ - attempted_at_ < kBehindFrames) return false;
  const std::lock_guard lock(mutex_);
  return state_ != State::idle;
}

// True: a pass is under way, or was started. False: what is left is for the store's thread.
bool SqliteCheckpoint::pass_is_due(int grown) {
  std::unique_lock lock(mutex_);
  if (grown >= kTooManyFrames) {
    changed_.wait(lock, [this] { return state_ == State::idle; });
    return false;
  }
  if (state_ != State::idle) return true;
  if (frames_ - passed_ <= kRestFrames) return false;
  state_ = State::wanted;
  changed_.notify_all();
  return true;
}

void SqliteCheckpoint::move_rest() {
  try {
    const WalState wal = writer_.checkpoint(SQLITE_CHECKPOINT_PASSIVE);
    rest_moved_ = wal.all_moved();
    if (!rest_moved_) note_blocked();
  } catch (const SqliteFailure& failure) {
    attempted_at_ = frames_;
    log_warn("checkpoint_failed", {{"store", path_}, {"reason", failure.what()}});
  }
}

void SqliteCheckpoint::note_blocked() {
  attempted_at_ = frames_;
  if (events_.blocked) events_.blocked();
  if (!blocked_) {
    log_warn("checkpoint_blocked", {{"store", path_}, {"wal_frames", frames_}, {"reason", kBlocked}});
  }
  blocked_ = true;
}

// ---- the thread of the passes ----

void SqliteCheckpoint::run() {
  std::unique_ptr<SqliteDb> db;  // made for the first pass, and again after a failure
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return state_ == State::wanted || ending_; });
    if (ending_) return;
    state_ = State::passing;
    const uint64_t lap = lap_;
    lock.unlock();
    const int passed = pass(db);
    lock.lock();
    if (lap == lap_) passed_ = passed;
    state_ = State::idle;
    changed_.notify_all();
    lock.unlock();
    if (events_.passed) events_.passed();
    lock.lock();
  }
}

// Passive: takes what it can without making the writer wait. Returns the frames that it has looked at; where it fails,
// all: the store's thread, which moves the rest, then finds out whether it can.
int SqliteCheckpoint::pass(std::unique_ptr<SqliteDb>& db) {
  try {
    if (!db) db = std::make_unique<SqliteDb>(path_, vfs_);
    return db->checkpoint(SQLITE_CHECKPOINT_PASSIVE).frames;
  } catch (const SqliteFailure& failure) {
    log_warn("checkpoint_failed", {{"store", path_}, {"reason", failure.what()}});
    db.reset();
    return std::numeric_limits<int>::max();
  }
}

}  // namespace tidegate::jobs
