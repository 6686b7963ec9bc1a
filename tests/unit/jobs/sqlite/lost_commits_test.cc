// The files of a store are damaged, cut off or deleted after a kill: what is missing of what was promised is reported,
// and what is normal after a kill is not.
#include <sys/stat.h>

#include "jobs/sqlite/db/db.h"
#include "jobs/sqlite/disk/wal.h"
#include "unit/jobs/sqlite/killed.h"

namespace tidegate::jobs {

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
    std::string bytes = bytes_in(killed.wal());
    const std::string frame = bytes.substr(32, 24 + 4096);
    for (int i = 0; i < 3; ++i) bytes += frame;  // of this log, but with a checksum that does not fit there
    put_bytes(killed.wal(), bytes + tail);
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
  put_bytes(damaged.path() + ".mark", std::string(108, 'x'));
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
  killed.check_missing(Killed::kJobs, Killed::kJobs, "the WAL is missing");
}

TEST_CASE("a log that was cut off is reported") {
  Killed killed;
  const std::string bytes = bytes_in(killed.wal());
  put_bytes(killed.wal(), bytes.substr(0, bytes.size() - 24 - 4096));
  killed.check_missing(1, 1, "the WAL can be read up to frame");
}

TEST_CASE("one wrong bit in the log is reported, and the log is kept aside") {
  Killed killed;
  std::string bytes = bytes_in(killed.wal());
  bytes[bytes.size() / 2] ^= 1;
  put_bytes(killed.wal(), bytes);
  killed.open();
  const MissingWork missing = killed.queue().view().missing;
  CHECK(missing.commits > 0);
  CHECK(missing.commits < Killed::kJobs);
  CHECK(missing.jobs == missing.commits);
  CHECK(bytes_in(killed.wal() + ".damaged") == bytes);
}

TEST_CASE("a wrong header of the log is reported") {
  Killed killed;
  std::string bytes = bytes_in(killed.wal());
  bytes[17] ^= 1;
  put_bytes(killed.wal(), bytes);
  killed.check_missing(Killed::kJobs, Killed::kJobs, "the WAL is missing, or its header is damaged");
}

TEST_CASE("without a mark, damage before a later commit is seen all the same") {
  Killed killed;
  std::filesystem::remove(killed.path() + ".mark");
  std::string bytes = bytes_in(killed.wal());
  bytes[bytes.size() / 2] ^= 1;
  put_bytes(killed.wal(), bytes);
  killed.open();
  CHECK(killed.queue().view().missing.commits == 1);
  CHECK(killed.said("commits_missing"));
}

TEST_CASE("a database that was replaced by an older one, or deleted, after an orderly end is reported") {
  Killed killed;
  killed.open();
  killed.close();
  const std::string before = bytes_in(killed.path());
  killed.open();
  Asker(killed).append_new();
  killed.close();
  put_bytes(killed.path(), before);
  killed.open();
  CHECK(killed.queue().view().missing.jobs == 1);
  killed.close();
  std::filesystem::remove(killed.path());
  killed.open();
  CHECK(killed.queue().view().missing.jobs == Killed::kJobs);
  CHECK(killed.said("replaced, or cut off"));
}

TEST_CASE("the mark is its owner's alone") {
  Killed killed;
  std::filesystem::permissions(killed.path() + ".mark", std::filesystem::perms(0644));
  killed.open();
  CHECK(std::filesystem::status(killed.path() + ".mark").permissions() == std::filesystem::perms(0600));
}

}  // namespace tidegate::jobs
