// A job store as a kill has left it, and what is reported when it is opened.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "unit/jobs/sqlite/faulty_vfs.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

inline std::string bytes_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A store with kJobs jobs, each of a commit of its own, whose process was killed: its files as the kill has left them.
class Killed : public RealFixture {
 public:
  static constexpr int kJobs = 12;

  Killed() {
    log_set_sink([this](LogLevel, std::string_view line) { log_.emplace_back(line); });
    SqliteFixture alive;
    Asker asker(alive);
    for (int i = 0; i < kJobs; ++i) ids.push_back(asker.append_new("body " + std::to_string(i)));
    for (const char* end : {"", "-wal", "-shm", ".mark"}) {
      std::filesystem::copy_file(alive.path() + end, path() + end);
    }
  }
  ~Killed() {
    close();
    log_set_sink({});
  }
  std::string path() const { return file("jobs.db"); }
  std::string wal() const { return path() + "-wal"; }
  JobQueue& queue() { return *queue_; }
  void open() {
    open_with({.path = path()});
    CHECK(queue_->view().available);
  }
  void open_with(const SqliteOptions& options) {
    log_.clear();
    queue_ = open_sqlite(options);
  }
  // The disk refuses every write, so that several openings fail.
  void fail_and_recover() {
    FaultyDisk::set(DiskFault::error_on_write);
    open_with({.path = path(), .reopen_every = 5ms, .vfs = FaultyDisk::name()});
    run_until([] { return FaultyDisk::hits() >= 5; });
    CHECK(!queue_->view().available);
    FaultyDisk::set(DiskFault::none);
    run_until([&] { return queue_->view().available; });
  }
  void check_failing_disk(uint64_t missing_commits) {
    fail_and_recover();
    CHECK(queue_->view().missing.commits == missing_commits);
    close();  // the log is complete then
    CHECK(said("commits_missing") == 1);
  }
  void close() {
    if (queue_) RealFixture::close(std::move(queue_));
  }
  std::ptrdiff_t said(const std::string& event) const {
    return std::count_if(log_.begin(), log_.end(),
                         [&](const std::string& line) { return line.find(event) != line.npos; });
  }
  uint64_t queued() { return queue().view().depth[static_cast<size_t>(JobStatus::queued)]; }
  void check_nothing_missing() {
    open();
    CHECK(queue().view().missing.reason == "");
    CHECK(!said("commits_missing"));
    CHECK(queued() == kJobs);
    close();
    open();  // nor after an orderly end
    CHECK(queue().view().missing.reason == "");
    CHECK(queued() == kJobs);
  }
  void check_missing(uint64_t commits, uint64_t jobs, const std::string& reason) {
    open();
    const MissingWork missing = queue().view().missing;
    CHECK(missing.commits == commits);
    CHECK(missing.jobs == jobs);
    CHECK_MESSAGE(missing.reason.find(reason) != std::string::npos, missing.reason);
    CHECK(said("commits_missing"));
    CHECK(queued() == kJobs - jobs);
    CHECK(Asker(*this).append(make_draft(home())).ok());
    close();
    open();  // it was said; the store is what it is now
    CHECK(queue().view().missing.reason == "");
  }

  std::vector<std::string> ids;

 private:
  std::unique_ptr<JobQueue> queue_;
  std::vector<std::string> log_;
};

}  // namespace tidegate::jobs
