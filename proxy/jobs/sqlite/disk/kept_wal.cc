#include "jobs/sqlite/disk/kept_wal.h"

#include <filesystem>

#include "base/log.h"
#include "base/private_files.h"

namespace tidegate::jobs {

namespace {

constexpr int kKeptMax = 3;

std::string name_for(const std::string& wal) {
  std::string name = wal + ".damaged";
  std::error_code unknown;
  for (int n = 2; n <= kKeptMax && std::filesystem::exists(name, unknown); ++n) {
    name = wal + ".damaged." + std::to_string(n);
  }
  return name;
}

Status copy_privately(const std::string& from, const std::string& to) {
  if (const Status made = make_private_file(to); !made) return made;
  std::error_code error;
  if (std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, error)) return Ok{};
  std::error_code ignored;
  std::filesystem::remove(to, ignored);  // a part of it would pass for the whole
  return Error{ErrorCode::io, "copy to " + to + ": " + error.message()};
}

}  // namespace

void copy_damaged_wal(const std::string& wal) {
  std::error_code unknown;
  if (!std::filesystem::exists(wal, unknown)) return;
  const std::string kept = name_for(wal);
  if (const Status copied = copy_privately(wal, kept); !copied) {
    log_error("damaged_wal_not_kept", {{"file", wal}, {"reason", copied.error().message}});
  } else {
    log_warn("damaged_wal_kept", {{"file", kept}});
  }
}

Status move_orphaned_wal(const std::string& wal) {
  const std::string kept = name_for(wal);
  std::error_code error;
  std::filesystem::rename(wal, kept, error);
  if (error) return Error{ErrorCode::io, "move " + wal + " to " + kept + ": " + error.message()};
  log_warn("damaged_wal_kept", {{"file", kept}});
  return Ok{};
}

}  // namespace tidegate::jobs
