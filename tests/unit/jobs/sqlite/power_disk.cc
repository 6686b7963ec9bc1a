#include "unit/jobs/sqlite/power_disk.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace tidegate::jobs {

namespace {

constexpr size_t kSector = 512;
constexpr int kNoPower = SQLITE_IOERR;
// How much of what was pending reaches the platter.
constexpr double kKeep[] = {0, 0.3, 0.7, 0.95, 1};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs with each new connection of the process.
int weaken(sqlite3* db, char**, const sqlite3_api_routines*) {
  sqlite3_vfs* vfs = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs);
  if (!vfs || vfs->zName != std::string_view(PowerDisk::the().name())) return SQLITE_OK;
  sqlite3_exec(db, "PRAGMA synchronous=NORMAL", nullptr, nullptr, nullptr);
  return SQLITE_OK;
}

}  // namespace

PowerDisk& PowerDisk::the() {
  static PowerDisk disk;
  return disk;
}

void PowerDisk::power_on(uint64_t seed, uint64_t steps) {
  const std::lock_guard lock(mutex_);
  entries_.clear();
  left_.clear();
  random_ = Random(seed);
  steps_left_ = steps;
  syncs_to_failure_ = 0;
  on_ = true;
}

bool PowerDisk::is_cut() {
  const std::lock_guard lock(mutex_);
  return !on_;
}

void PowerDisk::cut_now() {
  const std::lock_guard lock(mutex_);
  if (on_) cut();
}

bool PowerDisk::knows(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return entries_.contains(path);
}

void PowerDisk::fail_sync(DiskFile kind, uint64_t nth) {
  const std::lock_guard lock(mutex_);
  failing_kind_ = kind;
  syncs_to_failure_ = nth;
}

void PowerDisk::set_weak(bool weak) {
  weak_ = weak;
  const auto entry = reinterpret_cast<void (*)()>(&weaken);
  weak ? sqlite3_auto_extension(entry) : sqlite3_cancel_auto_extension(entry);
}

PowerDisk::Counts PowerDisk::counts() {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void PowerDisk::leave_in(const std::string& from, const std::string& folder) {
  const std::lock_guard lock(mutex_);
  std::filesystem::create_directories(folder);
  for (const auto& [path, bytes] : left_) {
    const std::filesystem::path to = folder / std::filesystem::path(path).lexically_relative(from);
    std::filesystem::create_directories(to.parent_path());
    std::ofstream(to, std::ios::binary) << bytes;
  }
}

int PowerDisk::pragma(std::string_view name, const char* value, std::string* reply) {
  if (!weak_ || name != "synchronous") return SQLITE_NOTFOUND;
  if (!value) *reply = "2";
  return !value || value == std::string_view("FULL") ? SQLITE_OK : SQLITE_NOTFOUND;
}

PowerDisk::Entry& PowerDisk::entry_of(const std::string& path) {
  Entry& entry = entries_[path];
  if (!entry.now) entry.now = std::make_shared<Inode>();
  return entry;
}

bool PowerDisk::step() {
  if (steps_left_ > 0) --steps_left_;
  return steps_left_ == 0;
}

int PowerDisk::opened(File& file) {
  const std::lock_guard lock(mutex_);
  if (!on_) return SQLITE_CANTOPEN;
  if (entries_[*file.path].now) return SQLITE_OK;  // another connection has it
  Entry& entry = entry_of(*file.path);
  if (!file.created) {
    entry.now->platter = content_of(*file.path);
    entry.on_platter = entry.now;
  } else if (step()) {
    cut();
  }
  return on_ ? SQLITE_OK : SQLITE_CANTOPEN;
}

int PowerDisk::write(File& file, std::string_view bytes, int64_t at) {
  const std::lock_guard lock(mutex_);
  if (!on_) return kNoPower;
  entry_of(*file.path).now->pending.push_back({at, std::string(bytes), false});
  if (!step()) return file.write(bytes, at);
  cut();
  return kNoPower;
}

int PowerDisk::truncate(File& file, int64_t size) {
  const std::lock_guard lock(mutex_);
  if (!on_) return kNoPower;
  entry_of(*file.path).now->pending.push_back({size, "", true});
  if (!step()) return file.truncate(size);
  cut();
  return kNoPower;
}

// The files themselves need no sync: nothing reads them after the cut.
int PowerDisk::sync(File& file, int) {
  const std::lock_guard lock(mutex_);
  if (!on_) return kNoPower;
  if (step()) {
    cut();
    return kNoPower;
  }
  Inode& inode = *entry_of(*file.path).now;
  if (file.kind == failing_kind_ && syncs_to_failure_ > 0 && --syncs_to_failure_ == 0) {
    inode.pending.clear();
    ++counts_.failed_syncs;
    return SQLITE_IOERR_FSYNC;
  }
  for (const Pending& pending : inode.pending) apply(inode.platter, pending);
  inode.pending.clear();
  if (std::exchange(file.folder_due, false)) sync_folder();
  if (file.kind == DiskFile::database) ++counts_.database_syncs;
  if (file.kind == DiskFile::wal) ++counts_.wal_syncs;
  if (file.kind == DiskFile::body) ++counts_.body_syncs;
  return SQLITE_OK;
}

int PowerDisk::remove(const std::string& path, bool folder_too) {
  const std::lock_guard lock(mutex_);
  if (!on_) return SQLITE_IOERR_DELETE;
  entries_[path].now = nullptr;
  if (step()) {
    cut();
    return SQLITE_IOERR_DELETE;
  }
  if (folder_too) sync_folder();
  return remove_real(path, false);
}

void PowerDisk::sync_folder() {
  for (auto& [path, entry] : entries_) entry.on_platter = entry.now;
}

void PowerDisk::apply(std::string& bytes, const Pending& pending) {
  const auto at = static_cast<size_t>(pending.at);
  if (pending.truncation) return bytes.resize(at);
  if (bytes.size() < at + pending.bytes.size()) bytes.resize(at + pending.bytes.size());
  bytes.replace(at, pending.bytes.size(), pending.bytes);
}

std::string PowerDisk::settle(const Inode& inode, double keep) {
  std::string bytes = inode.platter;
  for (const Pending& pending : inode.pending) {
    if (pending.truncation) {
      if (random_.chance(keep)) apply(bytes, pending);
      continue;
    }
    const bool whole = random_.chance(keep);  // else sector by sector
    for (size_t from = 0; from < pending.bytes.size();) {
      const size_t sector_end = (static_cast<size_t>(pending.at) + from) / kSector * kSector + kSector;
      const size_t count = std::min(pending.bytes.size() - from, sector_end - static_cast<size_t>(pending.at) - from);
      const bool kept = whole || random_.chance(keep);
      if (kept) apply(bytes, {pending.at + static_cast<int64_t>(from), pending.bytes.substr(from, count), false});
      ++(kept ? counts_.sectors_kept : counts_.sectors_dropped);
      from += count;
    }
  }
  return bytes;
}

void PowerDisk::cut() {
  on_ = false;
  ++counts_.cuts;
  const double keep = kKeep[random_.below(std::size(kKeep))];
  for (const auto& [path, entry] : entries_) {
    const auto& there = entry.now == entry.on_platter || random_.chance(keep) ? entry.now : entry.on_platter;
    if (there) left_[path] = settle(*there, keep);
  }
}

}  // namespace tidegate::jobs
