#include "api/store/directory/object_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/sync_folder.h"

namespace tidegate::api {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "tidegate-object 1 ";
constexpr size_t kHeaderMax = 128;

class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

Error error_of(const char* what, const fs::path& path) {
  const int number = errno;
  const bool no_space = number == ENOSPC || number == EDQUOT || number == EFBIG;
  ErrorCode code = no_space ? ErrorCode::exhausted : ErrorCode::io;
  if (number == ENOENT) code = ErrorCode::not_found;
  return {code, std::string(what) + " " + path.string() + ": " + std::strerror(number)};
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

Status write_temp(const fs::path& temp, const Object& object) {
  const File file(temp, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.is_open() || ::fchmod(file.fd(), 0600) != 0) return error_of("create", temp);  // whatever the umask is
  const std::string header =
      std::string(kMagic) + std::to_string(object.bytes.size()) + " " + object.content_type + "\n";
  if (!write_all(file.fd(), header) || !write_all(file.fd(), object.bytes)) return error_of("write", temp);
  if (::fsync(file.fd()) != 0) return error_of("fsync", temp);
  return Ok{};
}

// Splits off the header; false: it is invalid, or its length is wrong.
bool take_header(std::string* bytes, std::string* content_type) {
  const std::string_view all = *bytes;
  const size_t end = all.substr(0, kHeaderMax).find('\n');
  if (!all.starts_with(kMagic) || end == std::string_view::npos) return false;
  std::string_view header = all.substr(kMagic.size(), end - kMagic.size());
  uint64_t length = 0;
  const auto [rest, error] = std::from_chars(header.data(), header.data() + header.size(), length);
  header.remove_prefix(static_cast<size_t>(rest - header.data()));
  if (error != std::errc() || header.size() < 2 || header.front() != ' ') return false;
  if (length != all.size() - end - 1) return false;
  *content_type = header.substr(1);
  bytes->erase(0, end + 1);
  return true;
}

}  // namespace

Status write_object(const fs::path& path, const fs::path& temp, const Object& object) {
  if (auto status = write_temp(temp, object); !status) {
    ::unlink(temp.c_str());
    return status;
  }
  if (::rename(temp.c_str(), path.c_str()) != 0) {
    const Error error = error_of("rename", path);
    ::unlink(temp.c_str());
    return error;
  }
  return sync_folder(path.parent_path());
}

Result<ObjectPtr> read_object(const fs::path& path) {
  const File file(path, O_RDONLY);
  if (!file.is_open()) return error_of("open", path);
  struct stat about {};
  if (::fstat(file.fd(), &about) != 0) return error_of("stat", path);
  auto object = std::make_shared<Object>();
  object->bytes.resize(static_cast<size_t>(about.st_size));
  size_t filled = 0;
  while (filled < object->bytes.size()) {
    const ssize_t count = ::read(file.fd(), object->bytes.data() + filled, object->bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return error_of("read", path);
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  object->bytes.resize(filled);
  if (!take_header(&object->bytes, &object->content_type)) {
    return Error{ErrorCode::invalid, "read " + path.string() + ": the object is damaged"};
  }
  return ObjectPtr(std::move(object));
}

}  // namespace tidegate::api
