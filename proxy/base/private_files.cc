#include "base/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/log.h"
#include "base/sync_folder.h"

namespace tidegate {

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kOfOthers = S_IRWXG | S_IRWXO;

Error io_error(const char* what, const std::string& path) {
  return {ErrorCode::io, std::string(what) + " " + path + ": " + std::strerror(errno)};
}

}  // namespace

Status make_private_folders(const std::filesystem::path& folder) {
  std::filesystem::path part;
  for (const std::filesystem::path& name : folder) {
    part /= name;
    std::error_code ignored;
    if (std::filesystem::is_directory(part, ignored)) continue;
    if (::mkdir(part.c_str(), kFolderMode) != 0) {
      if (errno == EEXIST && std::filesystem::is_directory(part, ignored)) continue;  // made by another meanwhile
      return io_error("make", part);
    }
    if (::chmod(part.c_str(), kFolderMode) != 0) return io_error("chmod", part);  // the umask took more than it should
    if (Status synced = sync_folder(part.parent_path()); !synced) return synced;
  }
  return Ok{};
}

Status make_private_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode);
  if (fd < 0 && errno == EEXIST) return Ok{};
  if (fd < 0) return io_error("make", path);
  const Status mode = ::fchmod(fd, kFileMode) == 0 ? Status(Ok{}) : Status(io_error("chmod", path));
  ::close(fd);
  return mode ? sync_folder(std::filesystem::path(path).parent_path()) : mode;
}

void keep_private(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || !(S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) return;
  if ((found.st_mode & kOfOthers) == 0) return;
  const std::string was = fmt::format("{:04o}", found.st_mode & 07777u);
  if (::chmod(path.c_str(), found.st_mode & 07777u & ~kOfOthers) == 0) {
    log_warn("file_mode_repaired", {{"file", path}, {"mode", was}});
  } else {
    log_warn("file_mode_not_repaired", {{"file", path}, {"mode", was}, {"reason", std::strerror(errno)}});
  }
}

}  // namespace tidegate
