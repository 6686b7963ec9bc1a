// Which file a path leads to, and in which state: two states that differ are of another file, or of one that was
// changed meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tidegate::net {

struct FileState {
  uint64_t device, inode, size;
  int64_t written_ns;  // since the epoch, by the file system's clock
  int64_t changed_ns;  // likewise, also of its rights and names
  bool is_same_file(const FileState& other) const { return device == other.device && inode == other.inode; }
  friend bool operator==(const FileState&, const FileState&) = default;
};

// Symbolic links are followed. None: the path leads to nothing that this process can find.
std::optional<FileState> file_state(const std::string& path);

}  // namespace tidegate::net
