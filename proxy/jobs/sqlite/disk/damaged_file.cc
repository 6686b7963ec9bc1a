#include "jobs/sqlite/disk/damaged_file.h"

#include "base/log.h"
#include "jobs/refusal.h"

namespace tidegate::jobs {

namespace {
constexpr const char* kSalvage = "stop Tidegate and salvage it with sqlite3, or move it aside: docs/operate/salvage.md";
}  // namespace

bool DamagedFile::is_unchanged() {
  const State now = state();
  opened_ = now;
  return found_ == now;
}

// Its WAL may have been made by the opening itself.
std::string DamagedFile::found(const std::string& damage) {
  const State now = state();
  const bool looked_at = !opened_ || opened_->file == now.file;
  found_ = looked_at ? std::optional(now) : std::nullopt;
  log_error("store_damaged", {{"store", path_}, {"reason", damage}, {"salvage", kSalvage}});
  return with_word(Refusal::store_damaged, damage) + "; " + kSalvage;
}

std::optional<net::FileState> DamagedFile::state_of(const std::string& path) {
  auto state = net::file_state(path);
  if (state) state->changed_ns = 0;  // other rights repair nothing
  return state;
}

}  // namespace tidegate::jobs
