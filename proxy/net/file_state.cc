#include "net/file_state.h"

#include <sys/stat.h>

namespace tidegate::net {

namespace {

int64_t in_ns(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

}  // namespace

std::optional<FileState> file_state(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return FileState{found.st_dev, found.st_ino, static_cast<uint64_t>(found.st_size), in_ns(found.st_mtim),
                   in_ns(found.st_ctim)};
}

}  // namespace tidegate::net
