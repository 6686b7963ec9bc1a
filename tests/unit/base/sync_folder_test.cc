#include "base/sync_folder.h"

#include <doctest/doctest.h>

using namespace tidegate;

TEST_CASE("a folder is synced, the working folder too; one of a file system that cannot is left as it is") {
  CHECK(sync_folder("/tmp").ok());
  CHECK(sync_folder("").ok());
  CHECK(sync_folder("/proc").ok());  // its fsync is EINVAL
}

TEST_CASE("a folder that is not there, or is a file, is an error with its name") {
  for (const char* path : {"/tmp/no-such-folder", "/proc/self/stat"}) {
    const Status synced = sync_folder(path);
    REQUIRE_FALSE(synced.ok());
    CHECK(synced.error().code == ErrorCode::io);
    CHECK(synced.error().message.starts_with(std::string("open ") + path + ": "));
  }
}
