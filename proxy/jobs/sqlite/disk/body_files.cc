#include "jobs/sqlite/disk/body_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "base/private_files.h"
#include "base/sync_folder.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kNameLength = 32;

std::string folder_beside(const std::string& database) {
  std::error_code unknown;
  const std::filesystem::path real = std::filesystem::canonical(database, unknown);
  return (unknown ? database : real.string()) + "-bodies";
}

bool looks_like_body(const std::string& name) {
  return name.size() == kNameLength && name.find_first_not_of("0123456789abcdef") == name.npos;
}

}  // namespace

BodyFiles::BodyFiles(const std::string& database, const std::string& vfs)
    : folder_(folder_beside(database)), vfs_(sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str())) {
  TG_ASSERT(vfs_ != nullptr);
}

BodyFiles::~BodyFiles() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

Result<std::set<std::string>> BodyFiles::names() const {
  std::set<std::string> names;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder_, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (looks_like_body(name)) names.insert(name);
  }
  if (error) return Error{ErrorCode::io, folder_ + ": " + error.message()};
  return names;
}

// Without any file the folder may be one on which another disk should be mounted.
Result<BodyFile> BodyFiles::open(const std::string& name) const {
  auto file = BodyFile::open(vfs_, path_of(name));
  if (file) return file;
  std::error_code error;
  const bool others = std::filesystem::directory_iterator(folder_, error) != std::filesystem::directory_iterator();
  const bool missing = file.error().code == ErrorCode::not_found && others && !error;
  return Error{missing ? ErrorCode::not_found : ErrorCode::io, file.error().message};
}

Result<std::string> BodyFiles::read(const std::string& name, uint64_t offset, size_t count) const {
  auto file = open(name);
  return file ? file->read(offset, count) : Result<std::string>(file.error());
}

Status BodyFiles::check_readable(const std::string& name) const {
  const auto file = open(name);
  return file ? Status(Ok{}) : Status(file.error());
}

// ---- what a transaction asks for ----

std::shared_ptr<BodyWrite> BodyFiles::write(const std::string& name, std::shared_ptr<const int64_t> owner,
                                            BodyContent body) {
  auto write = std::make_shared<BodyWrite>(path_of(name), std::move(owner), std::move(body), unwritten_);
  held_.push_back({name, false, write});
  return write;
}

BodyFiles::Removal BodyFiles::remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto removal = removals_.find(name);
  if (removal == removals_.end()) {
    if (removals_.size() >= kRemovalsMax) return Removal::refused;
    removals_.emplace(name, Removal::under_way);
    held_.push_back({name, true});
    return Removal::under_way;
  }
  if (removal->second == Removal::under_way) return Removal::under_way;
  removals_.erase(removal);
  return Removal::gone;
}

void BodyFiles::committed() {
  if (held_.empty()) return;
  const std::lock_guard lock(mutex_);
  std::move(held_.begin(), held_.end(), std::back_inserter(tasks_));
  held_.clear();
  start();
  wake_.notify_one();
}

// What cannot be done without a thread fails; the next task tries again to start one.
void BodyFiles::start() try {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
} catch (const std::system_error& failure) {
  const Error why{ErrorCode::unavailable, std::string("a thread for files of bodies: ") + failure.what()};
  for (const Task& task : std::exchange(tasks_, {})) {
    if (const auto write = task.write.lock()) write->fail(why);
    removals_.erase(task.name);
  }
}

void BodyFiles::drop_held(size_t from) {
  const std::lock_guard lock(mutex_);
  for (size_t i = from; i < held_.size(); ++i) {
    if (held_[i].removal) removals_.erase(held_[i].name);
  }
  held_.resize(std::min(from, held_.size()), Task{{}, false});
}

void BodyFiles::on_step(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  on_step_ = std::move(callback);
}

// ---- the files' thread ----

void BodyFiles::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    if (ending_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    const auto on_step = on_step_;
    lock.unlock();
    const bool ended = step(task);
    if (on_step) on_step();
    lock.lock();
    if (!ended) tasks_.push_back(std::move(task));
  }
}

bool BodyFiles::step(const Task& task) {
  if (task.removal) {
    end_removal(task.name, BodyFile::remove(vfs_, path_of(task.name)));
    return true;
  }
  const auto write = task.write.lock();
  if (!write) return true;
  if (const Status prepared = prepare_folder(); !prepared) {
    write->fail(prepared.error());
    return true;
  }
  return write->step(vfs_);
}

// A folder that another process has made may not be on the disk yet: it was killed.
Status BodyFiles::prepare_folder() {
  std::error_code unknown;
  if (folder_is_durable_ && std::filesystem::is_directory(folder_, unknown)) return Ok{};
  if (const Status made = make_private_folders(folder_); !made) return made;
  const Status synced = sync_folder(std::filesystem::path(folder_).parent_path());
  folder_is_durable_ = synced.ok();
  return synced;
}

void BodyFiles::end_removal(const std::string& name, const Status& removed) {
  const std::lock_guard lock(mutex_);
  if (removed) {
    removals_[name] = Removal::gone;
    reported_.erase(name);
    news_ = true;
    return;
  }
  removals_.erase(name);
  if (reported_.insert(name).second) {
    log_warn("body_file_not_deleted", {{"file", path_of(name)}, {"reason", removed.error().message}});
  }
}

}  // namespace tidegate::jobs
