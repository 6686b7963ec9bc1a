// Who may read a store's files.
#include <sys/stat.h>

#include <fstream>

#include "base/log.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

constexpr const char* kFiles[] = {"", "-wal", "-shm", ".lock", ".mark"};

unsigned mode_of(const std::string& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777u;
}

}  // namespace

TEST_CASE("a store's files are their owner's alone, whatever the umask is") {
  for (const mode_t umask : {0u, 022u}) {
    const mode_t before = ::umask(umask);
    SqliteFixture fixture;
    Asker asker(fixture);
    asker.append_new("secret");
    for (const char* end : kFiles) CHECK_MESSAGE(mode_of(fixture.path() + end) == 0600, end);
    ::umask(before);
  }
}

TEST_CASE("a store's files that others could read are closed to them when it opens, and the log says so once") {
  SqliteFixture fixture;
  Asker asker(fixture);
  asker.append_new("secret");
  fixture.close();
  std::filesystem::permissions(fixture.path(), std::filesystem::perms(0644));
  std::ofstream(fixture.path() + "-wal").close();
  std::filesystem::permissions(fixture.path() + "-wal", std::filesystem::perms(0644));
  int said = 0;
  log_set_sink([&](LogLevel, std::string_view line) { said += line.find("file_mode_repaired") != line.npos; });
  fixture.open();
  asker.append_new("more");
  for (const char* end : kFiles) CHECK_MESSAGE(mode_of(fixture.path() + end) == 0600, end);
  fixture.restart();
  CHECK(said == 2);
  log_set_sink({});
}

}  // namespace tidegate::jobs
