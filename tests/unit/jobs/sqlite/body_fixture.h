// What the tests of bodies in files of their own share.
#pragma once

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "unit/jobs/sqlite/chunk_fixture.h"

namespace tidegate::jobs {

// The files of bodies beside the database, by name.
inline std::set<std::string> body_files_of(const std::string& database) {
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(database + "-bodies", none)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

// What the log says, while it lives.
class LogLines {
 public:
  LogLines() {
    log_configure(LogLevel::info, LogFormat::text);
    log_set_sink([this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      lines_.emplace_back(line);
    });
  }
  ~LogLines() { log_set_sink({}); }
  std::ptrdiff_t said(const std::string& event) const {
    const std::lock_guard lock(mutex_);
    return std::count_if(lines_.begin(), lines_.end(),
                         [&](const std::string& line) { return line.find(event) != line.npos; });
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

// Bodies of 512 KiB and more have a file.
class BodyFixture : public ChunkFixture {
 public:
  static constexpr uint64_t kFileMin = 2 * kChunkBytes;

  explicit BodyFixture(const std::string& vfs = "") : ChunkFixture({}, kFileMin) {
    close();
    options().vfs = vfs;
    open();
  }
  std::set<std::string> files() { return body_files_of(path()); }
  std::string path_of(const std::string& name) { return path() + "-bodies/" + name; }
  // The one that there is.
  std::string file_of_body() {
    REQUIRE(files().size() == 1);
    return path_of(*files().begin());
  }
  void await_bytes_swept(uint64_t wanted) {
    run_until([&] {  // a sweep is due once a second
      queue().tidy(home());
      return bytes() == wanted;
    });
  }
  void await_no_files() {
    await_bytes_swept(0);
    CHECK(files().empty());
    CHECK(rows("body_files") == 0);
    CHECK(rows("unowned") == 0);
  }
};

}  // namespace tidegate::jobs
