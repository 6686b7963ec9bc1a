// A disk that fails on demand, under the real SQLite: a file layer over the default one whose writes and syncs can be
// made to answer "disk full" or "I/O error".
#pragma once

#include <atomic>
#include <string>

namespace tidegate::jobs {

enum class DiskFault { none, full_on_write, error_on_sync, error_on_write };

class FaultyDisk {
 public:
  // Registers the layer, once a process; name() goes into SqliteOptions::vfs.
  static const char* name();
  static void set(DiskFault fault);
  // Faults that have happened since the last set().
  static int hits();
};

}  // namespace tidegate::jobs
