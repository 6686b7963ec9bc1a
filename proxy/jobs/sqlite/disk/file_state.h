// What shows that somebody has changed or replaced a file: its identity, size and time of change.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::jobs {

struct FileState {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t changed_at_ns = 0;
  friend bool operator==(const FileState&, const FileState&) = default;

  // All 0 where there is no file.
  static FileState of(const std::string& path);
};

}  // namespace tidegate::jobs
