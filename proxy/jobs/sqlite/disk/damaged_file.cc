#include "jobs/sqlite/disk/damaged_file.h"

#include <sys/stat.h>

#include "base/log.h"
#include "jobs/refusal.h"

namespace tidegate::jobs {

namespace {
constexpr const char* kSalvage = "stop Tidegate and salvage it with sqlite3, or move it aside: docs/operate/salvage.md";
}  // namespace

bool DamagedFile::is_unchanged() {
  const State now = state();
  opened_ = now.file;
  return found_ == now;
}

// Its WAL may have been made by the opening itself.
std::string DamagedFile::found(const std::string& damage) {
  const State now = state();
  const bool looked_at = !opened_ || *opened_ == now.file;
  found_ = looked_at ? std::optional(now) : std::nullopt;
  log_error("store_damaged", {{"store", path_}, {"reason", damage}, {"salvage", kSalvage}});
  return with_word(Refusal::store_damaged, damage) + "; " + kSalvage;
}

DamagedFile::FileState DamagedFile::state_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, static_cast<uint64_t>(found.st_size),
          found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
}

}  // namespace tidegate::jobs
