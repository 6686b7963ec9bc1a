#include "base/sync_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tidegate {

namespace {

Error error_of(const char* what, const std::filesystem::path& folder) {
  const ErrorCode code = errno == ENOSPC || errno == EDQUOT ? ErrorCode::exhausted : ErrorCode::io;
  return {code, std::string(what) + " " + folder.string() + ": " + std::strerror(errno)};
}

}  // namespace

Status sync_folder(const std::filesystem::path& folder) {
  if (folder.empty()) return sync_folder(".");
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return error_of("open", folder);
  const bool synced = ::fsync(fd) == 0 || errno == EINVAL;
  const Status status = synced ? Status(Ok{}) : Status(error_of("fsync", folder));
  ::close(fd);
  return status;
}

}  // namespace tidegate
