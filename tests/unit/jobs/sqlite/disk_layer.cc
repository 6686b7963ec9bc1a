#include "unit/jobs/sqlite/disk_layer.h"

#include <unistd.h>

namespace tidegate::jobs {

namespace {

using File = DiskLayer::File;

File& ours(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return ours(file).real(); }

int close_file(sqlite3_file* file) {
  delete ours(file).path;
  return real(file)->pMethods->xClose(real(file));
}
int read_file(sqlite3_file* file, void* to, int count, sqlite3_int64 at) {
  if (const int code = ours(file).layer->before(DiskStep::read, ours(file))) return code;
  return real(file)->pMethods->xRead(real(file), to, count, at);
}
int write_file(sqlite3_file* file, const void* from, int count, sqlite3_int64 at) {
  return ours(file).layer->write(ours(file), {static_cast<const char*>(from), static_cast<size_t>(count)}, at);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) { return ours(file).layer->truncate(ours(file), size); }
int sync_file(sqlite3_file* file, int flags) { return ours(file).layer->sync(ours(file), flags); }
int size_of_file(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* locked) { return real(file)->pMethods->xCheckReservedLock(real(file), locked); }
int control(sqlite3_file* file, int op, void* arg) {
  if (op == SQLITE_FCNTL_PRAGMA) {
    auto* words = static_cast<char**>(arg);  // answer, name, value
    std::string reply;
    const int code = ours(file).layer->pragma(words[1], words[2], &reply);
    if (code == SQLITE_OK && !reply.empty()) words[0] = sqlite3_mprintf("%s", reply.c_str());
    return code;
  }
  return real(file)->pMethods->xFileControl(real(file), op, arg);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  if (const int code = ours(file).layer->before(DiskStep::map_shared, ours(file))) return code;
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

DiskFile kind_of(std::string_view name, int flags) {
  if (name.find("-bodies/") != name.npos) return DiskFile::body;
  if (flags & SQLITE_OPEN_WAL) return DiskFile::wal;
  return flags & SQLITE_OPEN_MAIN_DB ? DiskFile::database : DiskFile::journal;
}

}  // namespace

// The default layer's other functions take ours for themselves: they look at nothing in it.
DiskLayer::DiskLayer(const char* name) : vfs_(*sqlite3_vfs_find(nullptr)), below_(sqlite3_vfs_find(nullptr)) {
  vfs_.zName = name;
  vfs_.pNext = nullptr;
  vfs_.pAppData = this;
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + below_->szOsFile;
  vfs_.xOpen = open_file;
  vfs_.xDelete = delete_file;
  vfs_.xSleep = sleep_for;
  sqlite3_vfs_register(&vfs_, 0);
}

int DiskLayer::open_file(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  auto* layer = static_cast<DiskLayer*>(vfs->pAppData);
  file->pMethods = nullptr;
  const bool existed = name != nullptr && ::access(name, F_OK) == 0;
  const int code = layer->below_->xOpen(layer->below_, name, real(file), flags, flags_out);
  if (code != SQLITE_OK) return code;
  File& opened = ours(file);
  opened.layer = layer;
  opened.path = new std::string(name ? name : "");
  opened.kind = kind_of(*opened.path, flags);
  opened.created = !existed;
  opened.folder_due = opened.kind != DiskFile::database;
  if (const int refused = layer->opened(opened)) {
    close_file(file);
    return refused;
  }
  file->pMethods = &kMethods;
  return SQLITE_OK;
}

int DiskLayer::delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  return static_cast<DiskLayer*>(vfs->pAppData)->remove(name, sync_folder != 0);
}

int DiskLayer::sleep_for(sqlite3_vfs* vfs, int time_us) {
  return static_cast<DiskLayer*>(vfs->pAppData)->sleep(time_us);
}

int DiskLayer::remove_real(const std::string& path, bool sync_folder) {
  return below_->xDelete(below_, path.c_str(), sync_folder ? 1 : 0);
}

}  // namespace tidegate::jobs
