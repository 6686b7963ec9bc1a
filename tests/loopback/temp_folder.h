// The folder of temporary files, while it lives: one that does not exist is a disk that cannot be written.
#pragma once

#include <cstdlib>

namespace tidegate::loopback {

class TempFolder {
 public:
  explicit TempFolder(const char* path) { ::setenv("TMPDIR", path, 1); }
  ~TempFolder() { ::unsetenv("TMPDIR"); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
};

}  // namespace tidegate::loopback
