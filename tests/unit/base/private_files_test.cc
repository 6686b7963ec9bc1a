#include "base/private_files.h"

#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <fstream>
#include <vector>

#include "base/log.h"

namespace tidegate {

namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat found {};
  REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 07777u;
}

// A folder of its own, another umask, and the lines of the log.
class Scene {
 public:
  explicit Scene(mode_t umask) : umask_before_(::umask(umask)) {
    std::string name = (fs::temp_directory_path() / "tidegate-private-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    log_set_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
  }
  ~Scene() {
    ::umask(umask_before_);
    log_set_sink({});
    fs::remove_all(folder);
  }

  fs::path folder;
  std::vector<std::string> log;

 private:
  mode_t umask_before_;
};

}  // namespace

TEST_CASE("what is made is its owner's alone, whatever the umask is") {
  for (const mode_t umask : {0u, 022u, 0277u}) {
    Scene scene(umask);
    const fs::path folder = scene.folder / "deep" / "er";
    REQUIRE(make_private_folders(folder).ok());
    CHECK(mode_of(scene.folder / "deep") == 0700);
    CHECK(mode_of(folder) == 0700);
    REQUIRE(make_private_file(folder / "jobs.db").ok());
    CHECK(mode_of(folder / "jobs.db") == 0600);
  }
}

TEST_CASE("what exists is neither emptied nor closed by making it again") {
  Scene scene(0);
  const fs::path file = scene.folder / "jobs.db";
  std::ofstream(file) << "jobs";
  REQUIRE(make_private_file(file).ok());
  CHECK(fs::file_size(file) == 4);
  fs::permissions(scene.folder, fs::perms(0755));
  REQUIRE(make_private_folders(scene.folder).ok());
  CHECK(mode_of(scene.folder) == 0755);
  CHECK(make_private_folders(file / "below").error().code == ErrorCode::io);
}

TEST_CASE("a file that others could read is closed to them, and the log says so once") {
  Scene scene(0);
  const fs::path file = scene.folder / "jobs.db";
  std::ofstream(file) << "jobs";
  fs::permissions(file, fs::perms(0644));
  keep_private(file);
  CHECK(mode_of(file) == 0600);
  REQUIRE(scene.log.size() == 1);
  CHECK(scene.log[0].find("file_mode_repaired") != std::string::npos);
  CHECK(scene.log[0].find("0644") != std::string::npos);
  keep_private(file);
  keep_private(scene.folder / "absent");
  CHECK(scene.log.size() == 1);
}

}  // namespace tidegate
