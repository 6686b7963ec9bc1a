#include "unit/jobs/sqlite/faulty_vfs.h"

#include "unit/jobs/sqlite/disk_layer.h"

namespace tidegate::jobs {

namespace {

std::atomic<DiskFault> fault{DiskFault::none};
std::atomic<int> hit_count{0};

int failing(DiskFault which, int code) {
  if (fault != which) return SQLITE_OK;
  ++hit_count;
  return code;
}

class FaultyLayer final : public DiskLayer {
 public:
  using DiskLayer::DiskLayer;
  int write(File& file, std::string_view bytes, int64_t at) override {
    if (const int code = failing(DiskFault::full_on_write, SQLITE_FULL)) return code;
    if (const int code = failing(DiskFault::error_on_write, SQLITE_IOERR_WRITE)) return code;
    return file.write(bytes, at);
  }
  int sync(File& file, int flags) override {
    if (const int code = failing(DiskFault::error_on_sync, SQLITE_IOERR_FSYNC)) return code;
    return file.sync(flags);
  }
};

}  // namespace

const char* FaultyDisk::name() {
  static FaultyLayer layer("tidegate-faulty");
  return layer.name();
}

void FaultyDisk::set(DiskFault which) {
  hit_count = 0;
  fault = which;
}

int FaultyDisk::hits() { return hit_count; }

}  // namespace tidegate::jobs
