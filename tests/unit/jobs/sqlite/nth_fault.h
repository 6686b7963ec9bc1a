// A disk on which one chosen step fails: the third write of the WAL, the first sync of the database file. Syncs that
// succeed are not really made: nothing but the process dies here.
#pragma once

#include <mutex>
#include <string>

#include "unit/jobs/sqlite/disk_layer.h"

namespace tidegate::jobs {

enum class FaultKind { io_error, full, short_write };

struct NthFault {
  DiskFile file;
  DiskStep step;
  FaultKind kind = FaultKind::io_error;
  int nth = 1;           // of that step on such a file
  bool lasting = false;  // that one and all after it
};

class NthFaultDisk final : public DiskLayer {
 public:
  static NthFaultDisk& the();
  void arm(const NthFault& fault);
  // The disk is well. Whether the fault had come.
  bool disarm();
  // How often the step has come since arm().
  int seen();

  int opened(File& file) override { return fails(DiskStep::open, file) ? SQLITE_CANTOPEN : SQLITE_OK; }
  int before(DiskStep step, File& file) override;
  int write(File& file, std::string_view bytes, int64_t at) override;
  int truncate(File& file, int64_t size) override;
  int sync(File& file, int flags) override;
  int remove(const std::string& path, bool sync_folder) override;

 private:
  NthFaultDisk() : DiskLayer("tidegate-nth-fault") {}
  bool fails(DiskStep step, const File& file) { return fails(step, file.kind); }
  bool fails(DiskStep step, DiskFile kind);

  std::mutex mutex_;
  NthFault fault_{};
  bool armed_ = false;
  int seen_ = 0;
};

std::string to_string(const NthFault& fault);

}  // namespace tidegate::jobs
