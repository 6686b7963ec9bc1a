#include "unit/jobs/sqlite/nth_fault.h"

#include <utility>

namespace tidegate::jobs {

NthFaultDisk& NthFaultDisk::the() {
  static NthFaultDisk disk;
  return disk;
}

void NthFaultDisk::arm(const NthFault& fault) {
  const std::lock_guard lock(mutex_);
  fault_ = fault;
  armed_ = true;
  seen_ = 0;
}

bool NthFaultDisk::disarm() {
  const std::lock_guard lock(mutex_);
  armed_ = false;
  return seen_ >= fault_.nth;
}

int NthFaultDisk::seen() {
  const std::lock_guard lock(mutex_);
  return seen_;
}

bool NthFaultDisk::fails(DiskStep step, DiskFile kind) {
  const std::lock_guard lock(mutex_);
  if (!armed_ || step != fault_.step || kind != fault_.file) return false;
  ++seen_;
  return fault_.lasting ? seen_ >= fault_.nth : seen_ == fault_.nth;
}

int NthFaultDisk::before(DiskStep step, File& file) {
  if (!fails(step, file)) return SQLITE_OK;
  return step == DiskStep::read ? SQLITE_IOERR_READ : SQLITE_IOERR_SHMMAP;
}

int NthFaultDisk::write(File& file, std::string_view bytes, int64_t at) {
  if (!fails(DiskStep::write, file)) return file.write(bytes, at);
  if (fault_.kind == FaultKind::io_error) return SQLITE_IOERR_WRITE;
  if (fault_.kind == FaultKind::short_write) static_cast<void>(file.write(bytes.substr(0, bytes.size() / 2), at));
  return SQLITE_FULL;
}

int NthFaultDisk::truncate(File& file, int64_t size) {
  return fails(DiskStep::truncate, file) ? SQLITE_IOERR_TRUNCATE : file.truncate(size);
}

int NthFaultDisk::sync(File& file, int) { return fails(DiskStep::sync, file) ? SQLITE_IOERR_FSYNC : SQLITE_OK; }

int NthFaultDisk::remove(const std::string& path, bool sync_folder) {
  const bool of_body = path.find("-bodies/") != path.npos;
  if (of_body && fails(DiskStep::remove, DiskFile::body)) return SQLITE_IOERR_DELETE;
  return remove_real(path, sync_folder);
}

std::string to_string(const NthFault& fault) {
  constexpr const char* kFiles[] = {"database", "WAL", "journal", "body"};
  constexpr const char* kSteps[] = {"open", "read", "write", "sync", "truncation", "mapping", "removal"};
  constexpr const char* kKinds[] = {"I/O error", "disk full", "short write"};
  return std::string(kKinds[static_cast<int>(fault.kind)]) + " at " + kSteps[static_cast<int>(fault.step)] + " " +
         std::to_string(fault.nth) + " of the " + kFiles[static_cast<int>(fault.file)] +
         (fault.lasting ? ", lasting" : "");
}

}  // namespace tidegate::jobs
