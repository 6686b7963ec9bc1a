#include "jobs/sqlite/disk/file_state.h"

#include <sys/stat.h>

namespace tidegate::jobs {

FileState FileState::of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino, static_cast<uint64_t>(found.st_size),
          found.st_mtim.tv_sec * 1'000'000'000 + found.st_mtim.tv_nsec};
}

}  // namespace tidegate::jobs
