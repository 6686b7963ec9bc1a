// One process a file: an advisory lock on PATH.lock, held until destroyed (or the process's end, however it comes).
#pragma once

#include <string>

#include "base/result.h"

namespace tidegate::jobs {

class FileLock {
 public:
  // Errors: conflict (another process holds it), io.
  static Result<FileLock> take(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace tidegate::jobs
