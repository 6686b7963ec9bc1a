#include "jobs/sqlite/disk/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tidegate::jobs {

Result<FileLock> FileLock::take(const std::string& path) {
  const std::string name = path + ".lock";
  const int fd = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error{ErrorCode::io, "open " + name + ": " + std::strerror(errno)};
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock(fd);
  const int why = errno;
  ::close(fd);
  if (why == EWOULDBLOCK) return Error{ErrorCode::conflict, path + " is in use by another process"};
  return Error{ErrorCode::io, "lock " + name + ": " + std::strerror(why)};
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace tidegate::jobs
