// The files of a store are damaged, cut off or deleted after a kill: what is missing of what was promised is reported,
// and what is normal after a kill is not.
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "base/log.h"
#include "jobs/sqlite/db.h"
#include "jobs/sqlite/disk/wal.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

constexpr int kJobs = 12;

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A store with kJobs jobs, each of a commit of its own, whose process was killed: its files as the kill has left them.
class Killed : public RealFixture {
 public:
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
    log_.clear();
    auto opened = open_sqlite_queue({.path = path()});
    REQUIRE(opened.ok());
    queue_ = std::move(*opened);
    CHECK(queue_->view().available);
  }
  void close() {
    if (queue_) RealFixture::close(std::move(queue_));
  }
  bool said(const std::string& event) const {
    return std::any_of(log_.begin(), log_.end(),
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

}  // namespace

TEST_CASE("the log is read as SQLite reads it") {
  SqliteFixture fixture;
  Asker asker(fixture);
  for (int i = 0; i < 5; ++i) asker.append_new();
  SqliteDb db(fixture.path(), "");
  db.value_of("SELECT count(*) FROM jobs");
  const auto position = wal_position(db.handle());
  REQUIRE(position);
  const WalContent log = read_wal(fixture.path() + "-wal");
  CHECK(log.valid);
  CHECK(log.salts == position->salts);
  CHECK(log.frames == position->frames);
  CHECK(log.commits == 5);
  CHECK(!log.broken_inside);
}

TEST_CASE("a kill loses nothing, and nothing is called missing") { Killed().check_nothing_missing(); }

TEST_CASE("what a kill or a power failure has cut off behind the last commit is no loss") {
  for (const char* tail : {"", "part of a frame"}) {
    Killed killed;
    std::string bytes = bytes_of(killed.wal());
    const std::string frame = bytes.substr(32, 24 + 4096);
    for (int i = 0; i < 3; ++i) bytes += frame;  // of this log, but with a checksum that does not fit there
    write_bytes(killed.wal(), bytes + tail);
    killed.check_nothing_missing();
  }
}

TEST_CASE("a mark that is older than the log, or is gone, claims nothing") {
  Killed older;
  {
    SqliteFixture other;  // a mark of another log, all of which is in its database
    other.close();
    std::filesystem::copy_file(other.path() + ".mark", older.path() + ".mark",
                               std::filesystem::copy_options::overwrite_existing);
  }
  older.check_nothing_missing();
  Killed gone;
  std::filesystem::remove(gone.path() + ".mark");
  gone.check_nothing_missing();
  Killed damaged;
  write_bytes(damaged.path() + ".mark", std::string(108, 'x'));
  damaged.check_nothing_missing();
}

TEST_CASE("a shell that has moved the log into the file has lost nothing") {
  Killed killed;
  sqlite3* shell = nullptr;
  REQUIRE(sqlite3_open(killed.path().c_str(), &shell) == SQLITE_OK);
  REQUIRE(sqlite3_exec(shell, "SELECT count(*) FROM jobs", nullptr, nullptr, nullptr) == SQLITE_OK);
  REQUIRE(sqlite3_close(shell) == SQLITE_OK);
  CHECK(!std::filesystem::exists(killed.wal()));
  killed.check_nothing_missing();
}

TEST_CASE("a deleted log is reported: how many commits, how many jobs; the queue goes on") {
  Killed killed;
  std::filesystem::remove(killed.wal());
  killed.check_missing(kJobs, kJobs, "the WAL is missing");
}

TEST_CASE("a log that was cut off is reported") {
  Killed killed;
  const std::string bytes = bytes_of(killed.wal());
  write_bytes(killed.wal(), bytes.substr(0, bytes.size() - 24 - 4096));
  killed.check_missing(1, 1, "the WAL can be read up to frame");
}

TEST_CASE("one wrong bit in the log is reported, and the log is kept aside") {
  Killed killed;
  std::string bytes = bytes_of(killed.wal());
  bytes[bytes.size() / 2] ^= 1;
  write_bytes(killed.wal(), bytes);
  killed.open();
  const MissingWork missing = killed.queue().view().missing;
  CHECK(missing.commits > 0);
  CHECK(missing.commits < kJobs);
  CHECK(missing.jobs == missing.commits);
  CHECK(bytes_of(killed.wal() + ".damaged") == bytes);
}

TEST_CASE("a wrong header of the log is reported") {
  Killed killed;
  std::string bytes = bytes_of(killed.wal());
  bytes[17] ^= 1;
  write_bytes(killed.wal(), bytes);
  killed.check_missing(kJobs, kJobs, "the WAL is missing, or its header is damaged");
}

TEST_CASE("without a mark, damage before a later commit is seen all the same") {
  Killed killed;
  std::filesystem::remove(killed.path() + ".mark");
  std::string bytes = bytes_of(killed.wal());
  bytes[bytes.size() / 2] ^= 1;
  write_bytes(killed.wal(), bytes);
  killed.open();
  CHECK(killed.queue().view().missing.commits == 1);
  CHECK(killed.said("commits_missing"));
}

TEST_CASE("a database that was replaced by an older one, or deleted, after an orderly end is reported") {
  Killed killed;
  killed.open();
  killed.close();
  const std::string before = bytes_of(killed.path());
  killed.open();
  Asker(killed).append_new();
  killed.close();
  write_bytes(killed.path(), before);
  killed.open();
  CHECK(killed.queue().view().missing.jobs == 1);
  killed.close();
  std::filesystem::remove(killed.path());
  killed.open();
  CHECK(killed.queue().view().missing.jobs == kJobs);
  CHECK(killed.said("replaced, or cut off"));
}

TEST_CASE("the mark is its owner's alone") {
  Killed killed;
  std::filesystem::permissions(killed.path() + ".mark", std::filesystem::perms(0644));
  killed.open();
  CHECK(std::filesystem::status(killed.path() + ".mark").permissions() == std::filesystem::perms(0600));
}

}  // namespace tidegate::jobs
