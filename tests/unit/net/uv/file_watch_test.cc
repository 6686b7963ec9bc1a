// The watch of a file, on real folders.
#include "net/uv/file_watch.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "net/timer.h"

namespace tidegate::net {

namespace {

namespace fs = std::filesystem;

struct Fixture {
  Fixture() {
    std::string name = (fs::temp_directory_path() / "tidegate-watch-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()));
    folder = name;
  }
  ~Fixture() {
    watch.reset();
    fs::remove_all(folder);
  }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder / name) << text; }
  void start(const std::string& name) { start(name, file_state((folder / name).string())); }
  void start(const std::string& name, std::optional<FileState> known) {
    auto started = watch_file(runtime, (folder / name).string(), known, [this] { ++changes; });
    REQUIRE(started.ok());
    watch = std::move(*started);
  }
  void until(int count) {
    Timer give_up(runtime, [] {});
    give_up.start_after(20s);
    while (changes < count && give_up.active()) runtime.run_once();
    CHECK(changes == count);
  }
  UvRuntime runtime{1};
  fs::path folder;
  int changes = 0;
  std::unique_ptr<Operation> watch;
};

}  // namespace

TEST_CASE("a file that is written or replaced by a rename is reported") {
  Fixture fixture;
  fixture.write("config", "one");
  fixture.start("config");
  fixture.write("config", "two, longer");
  fixture.until(1);
  fixture.write(".config.swp", "three");
  fs::rename(fixture.folder / ".config.swp", fixture.folder / "config");
  fixture.until(2);
}

TEST_CASE("a file behind a link that is swapped, as a ConfigMap's, is reported") {
  Fixture fixture;
  for (const char* version : {"..1", "..2"}) {
    fs::create_directory(fixture.folder / version);
    fixture.write(std::string(version) + "/config", version);
  }
  fs::create_symlink("..1", fixture.folder / "..data");
  fs::create_symlink("..data/config", fixture.folder / "config");
  fixture.start("config");
  fs::create_symlink("..2", fixture.folder / "..data_tmp");
  fs::rename(fixture.folder / "..data_tmp", fixture.folder / "..data");
  fixture.until(1);
}

TEST_CASE("a file that was replaced between its reading and the watch is reported") {
  Fixture fixture;
  fixture.write("config", "one");
  const auto known = file_state((fixture.folder / "config").string());
  fixture.write("next", "two");
  fs::rename(fixture.folder / "next", fixture.folder / "config");
  fixture.start("config", known);
  fixture.until(1);
}

TEST_CASE("a burst of writes is one change, and other files of the folder are none") {
  Fixture fixture;
  fixture.write("config", "one");
  fixture.start("config");
  fixture.write("other", "x");
  for (int i = 0; i < 50; ++i) fixture.write("config", std::string(static_cast<size_t>(i), 'x'));
  fixture.until(1);
  fixture.write("other", "y");
  fixture.write("config", "the end");
  fixture.until(2);
}

TEST_CASE("a file that is deleted is reported when it is there again") {
  Fixture fixture;
  fixture.write("config", "one");
  fixture.start("config");
  fs::remove(fixture.folder / "config");
  fixture.write("config", "two");
  fixture.until(1);
}

TEST_CASE("a watch may be ended by its own report, and a folder that is missing is an error") {
  Fixture fixture;
  fixture.write("config", "one");
  const std::string path = (fixture.folder / "config").string();
  auto started = watch_file(fixture.runtime, path, file_state(path), [&] {
    ++fixture.changes;
    fixture.watch.reset();
  });
  REQUIRE(started.ok());
  fixture.watch = std::move(*started);
  fixture.write("config", "two, longer");
  fixture.until(1);
  CHECK(watch_file(fixture.runtime, (fixture.folder / "absent/config").string(), {}, [] {}).error().code ==
        ErrorCode::not_found);
}

}  // namespace tidegate::net
