#include "unit/jobs/faulty_vfs.h"

#include <sqlite3.h>

#include <cstring>

namespace tidegate::jobs {

namespace {

std::atomic<DiskFault> fault{DiskFault::none};
std::atomic<int> hit_count{0};

// An open file: ours in front, the real one behind it in the same allocation.
struct FaultyFile {
  sqlite3_file base;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

sqlite3_file* real(sqlite3_file* file) { return reinterpret_cast<FaultyFile*>(file)->real(); }

int failing(DiskFault which, int code) {
  if (fault != which) return SQLITE_OK;
  ++hit_count;
  return code;
}

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), to, count, at);
}
int write_file(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
  if (const int code = failing(DiskFault::full_on_write, SQLITE_FULL)) return code;
  if (const int code = failing(DiskFault::error_on_write, SQLITE_IOERR_WRITE)) return code;
  return real(file)->pMethods->xWrite(real(file), from, count, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) { return real(file)->pMethods->xTruncate(real(file), size); }
int sync_file(sqlite3_file* file, int flags) {
  if (const int code = failing(DiskFault::error_on_sync, SQLITE_IOERR_FSYNC)) return code;
  return real(file)->pMethods->xSync(real(file), flags);
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* locked) { return real(file)->pMethods->xCheckReservedLock(real(file), locked); }
int control(sqlite3_file* file, int op, void* arg) { return real(file)->pMethods->xFileControl(real(file), op, arg); }
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

constexpr sqlite3_io_methods kMethods = {2,           close_file,   read_file,       write_file,  truncate_file,
                                         sync_file,   size_of_file, lock_file,       unlock_file, check_lock,
                                         control,     sector_size,  characteristics, shm_map,     shm_lock,
                                         shm_barrier, shm_unmap,    nullptr,         nullptr};

int open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  auto* below = static_cast<sqlite3_vfs*>(vfs->pAppData);
  file->pMethods = nullptr;
  const int code = below->xOpen(below, name, real(file), flags, flags_out);
  if (code == SQLITE_OK) file->pMethods = &kMethods;
  return code;
}

sqlite3_vfs make_layer() {
  sqlite3_vfs* below = sqlite3_vfs_find(nullptr);
  sqlite3_vfs layer = *below;  // its other functions take the layer for themselves: they look at nothing in it
  layer.zName = "tidegate-faulty";
  layer.pNext = nullptr;
  layer.pAppData = below;
  layer.szOsFile = static_cast<int>(sizeof(FaultyFile)) + below->szOsFile;
  layer.xOpen = open_file;
  return layer;
}

}  // namespace

const char* FaultyDisk::name() {
  static sqlite3_vfs layer = make_layer();
  static const int registered = sqlite3_vfs_register(&layer, 0);
  static_cast<void>(registered);
  return layer.zName;
}

void FaultyDisk::set(DiskFault which) {
  hit_count = 0;
  fault = which;
}

int FaultyDisk::hits() { return hit_count; }

}  // namespace tidegate::jobs
