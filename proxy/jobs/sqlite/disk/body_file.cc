#include "jobs/sqlite/disk/body_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>

#include "base/sync_folder.h"
#include "jobs/refusal.h"

namespace tidegate::jobs {

namespace {

constexpr int kOpen = SQLITE_OPEN_READWRITE | SQLITE_OPEN_WAL;  // without locks; follows no symbolic link
constexpr size_t kLayerPiece = 64 * 1024;  // as SQLite's largest page; its unix layer takes less than 128 KiB at once

Error layer_error(const char* what, const std::string& path, int result) {
  const std::string message = std::string(what) + " " + path + ": " + sqlite3_errstr(result);
  if ((result & 0xff) != SQLITE_FULL) return {ErrorCode::io, message};
  return {ErrorCode::exhausted, with_word(Refusal::disk_full, message)};
}

}  // namespace

void BodyFile::Closed::operator()(sqlite3_file* file) const {
  if (file->pMethods) static_cast<void>(file->pMethods->xClose(file));  // what must be on the disk was synced
  ::operator delete(file);
}

Result<BodyFile> BodyFile::make(sqlite3_vfs* vfs, const std::string& path) {
  auto file = open_with(vfs, path, kOpen | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE);
  // SQLite gives it the mode of the database, where it recognizes that by the name.
  if (file && ::chmod(path.c_str(), 0600) != 0)
    return Error{ErrorCode::io, "chmod " + path + ": " + std::strerror(errno)};
  return file;
}

Result<BodyFile> BodyFile::open(sqlite3_vfs* vfs, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    return Error{errno == ENOENT ? ErrorCode::not_found : ErrorCode::io, path + ": " + std::strerror(errno)};
  }
  return open_with(vfs, path, kOpen);
}

Status BodyFile::remove(sqlite3_vfs* vfs, const std::string& path) {
  const int result = vfs->xDelete(vfs, path.c_str(), 1);
  // SQLite takes a folder that cannot be opened for synced, and so would a second attempt after a failed sync.
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (result != SQLITE_OK && result != SQLITE_IOERR_DELETE_NOENT) return layer_error("delete", path, result);
  std::error_code unknown;
  return std::filesystem::exists(folder, unknown) || unknown ? sync_folder(folder) : Status(Ok{});
}

Result<BodyFile> BodyFile::open_with(sqlite3_vfs* vfs, const std::string& path, int flags) {
  BodyFile body(path);
  auto* file = static_cast<sqlite3_file*>(::operator new(static_cast<size_t>(vfs->szOsFile)));
  file->pMethods = nullptr;
  body.file_.reset(file);
  const int result = vfs->xOpen(vfs, body.path_->c_str(), file, flags, nullptr);
  if (result != SQLITE_OK) return body.error_of("open", result);
  return body;
}

Status BodyFile::write(uint64_t offset, std::string_view bytes) {
  for (size_t at = 0; at < bytes.size(); at += kLayerPiece) {
    const std::string_view piece = bytes.substr(at, kLayerPiece);
    const int result = file_->pMethods->xWrite(file_.get(), piece.data(), static_cast<int>(piece.size()),
                                               static_cast<sqlite3_int64>(offset + at));
    if (result != SQLITE_OK) return error_of("write", result);
  }
  return Ok{};
}

Status BodyFile::sync() {
  const int result = file_->pMethods->xSync(file_.get(), SQLITE_SYNC_NORMAL);
  return result == SQLITE_OK ? Status(Ok{}) : Status(error_of("sync", result));
}

Result<std::string> BodyFile::read(uint64_t offset, size_t count) {
  sqlite3_int64 size = 0;
  if (const int result = file_->pMethods->xFileSize(file_.get(), &size)) return error_of("size of", result);
  const uint64_t left = static_cast<uint64_t>(size) - std::min(static_cast<uint64_t>(size), offset);
  std::string bytes(static_cast<size_t>(std::min<uint64_t>(count, left)), '\0');
  for (size_t at = 0; at < bytes.size(); at += kLayerPiece) {
    const size_t piece = std::min(kLayerPiece, bytes.size() - at);
    const int result = file_->pMethods->xRead(file_.get(), &bytes[at], static_cast<int>(piece),
                                              static_cast<sqlite3_int64>(offset + at));
    if (result != SQLITE_OK) return error_of("read", result);
  }
  return bytes;
}

Error BodyFile::error_of(const char* what, int result) const { return layer_error(what, *path_, result); }

}  // namespace tidegate::jobs
