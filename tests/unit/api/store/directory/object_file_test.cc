#include "api/store/directory/object_file.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>

#include "unit/api/scratch_folder.h"

namespace {

std::atomic<bool> folders_cannot_be_synced{false};

}  // namespace

// In place of the C library's, for all of this program.
extern "C" int fsync(int fd) {
  struct stat found {};
  if (folders_cannot_be_synced && ::fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

namespace tidegate::api::test {

TEST_CASE("an object is written on a file system that cannot sync folders") {
  const ScratchFolder scratch;
  folders_cannot_be_synced = true;
  const Status written = write_object(scratch.path() / "object", scratch.path() / "temp", {"image/png", "bytes"});
  folders_cannot_be_synced = false;
  CHECK_MESSAGE(written.ok(), (written ? "" : written.error().message));
  const auto read = read_object(scratch.path() / "object");
  REQUIRE(read.ok());
  CHECK((*read)->bytes == "bytes");
}

}  // namespace tidegate::api::test
