// The disk or another process stops the openings of a store that has lost commits: what is missing is reported once.
#include "jobs/sqlite/open_store.h"
#include "unit/jobs/sqlite/killed.h"
#include "unit/jobs/sqlite/nth_fault.h"

namespace tidegate::jobs {

namespace {

using Damage = void (*)(Killed&);

void cut_log_off(Killed& killed) {
  const std::string bytes = bytes_in(killed.wal());
  put_bytes(killed.wal(), bytes.substr(0, bytes.size() - 24 - 4096));
}

void spoil_log(Killed& killed) {
  std::string bytes = bytes_in(killed.wal());
  bytes[bytes.size() / 2] ^= 1;
  put_bytes(killed.wal(), bytes);
}

void delete_database(Killed& killed) { std::filesystem::remove(killed.path()); }

void delete_database_after_orderly_end(Killed& killed) {
  killed.open();
  killed.close();
  delete_database(killed);
}

void delete_all_but_log(Killed& killed) {
  delete_database(killed);
  std::filesystem::remove(killed.path() + ".mark");
}

constexpr Damage kDamages[] = {cut_log_off, spoil_log, delete_database_after_orderly_end, delete_all_but_log};

// Opens what `damage` has left on a disk with `failing`. Returns whether that step has come.
bool open_on(const NthFault& failing, Damage damage, MissingWork* missing) {
  INFO(to_string(failing));
  Killed killed;
  damage(killed);
  NthFaultDisk::the().arm(failing);
  killed.open_with({.path = killed.path(), .reopen_every = 2ms, .vfs = NthFaultDisk::the().name()});
  killed.run_until([&] { return killed.queue().view().available; });
  const bool happened = NthFaultDisk::the().disarm();
  *missing = killed.queue().view().missing;
  killed.close();  // the log is complete then
  CHECK(killed.said("commits_missing") == 1);
  return happened;
}

}  // namespace

TEST_CASE("whatever write of the disk fails while a store is opened, what is missing is reported, and once") {
  for (size_t i = 0; i < std::size(kDamages); ++i) {
    CAPTURE(i);
    MissingWork expected;
    REQUIRE(!open_on({DiskFile::journal, DiskStep::map_shared}, kDamages[i], &expected));
    REQUIRE(expected.commits > 0);
    int stopped = 0;
    for (const DiskFile file : {DiskFile::database, DiskFile::wal}) {
      for (const DiskStep step : {DiskStep::write, DiskStep::sync, DiskStep::truncate}) {
        for (int nth = 1;; nth *= 2, ++stopped) {
          MissingWork missing;
          if (!open_on({file, step, FaultKind::io_error, nth}, kDamages[i], &missing)) break;
          CHECK(missing.commits == expected.commits);
          CHECK(missing.jobs == expected.jobs);
        }
      }
    }
    CHECK(stopped > 1);
  }
}

TEST_CASE("a lock of another process that stops the reopening of a store has nothing counted twice") {
  Killed killed;
  cut_log_off(killed);
  SqliteDb other(killed.path(), "");
  other.exec("BEGIN IMMEDIATE");
  SqliteFindings findings;
  for (int i = 0; i < 3; ++i) {
    const auto opened = open_store({.path = killed.path(), .busy_wait = 0ms}, false, findings);
    REQUIRE(opened.ok());
    CHECK_THROWS_AS(resume_store(*opened->store, {}), SqliteFailure);
  }
  CHECK(findings.missing.commits == 1);
  CHECK(killed.said("commits_missing") == 1);
}

TEST_CASE("what is missing is reported while the store cannot be opened") {
  Killed killed;
  delete_database(killed);
  for (const char* end : {"", ".2"}) put_bytes(killed.wal() + ".damaged" + end, "another");
  const std::string in_the_way = killed.wal() + ".damaged.3";
  std::filesystem::create_directories(in_the_way + "/file");
  killed.open_with({.path = killed.path(), .reopen_every = 2ms});
  CHECK(!killed.queue().view().available);
  CHECK(killed.queue().view().missing.jobs == Killed::kJobs);
  std::filesystem::remove_all(in_the_way);
  killed.run_until([&] { return killed.queue().view().available; });
  CHECK(killed.queue().view().missing.jobs == Killed::kJobs);
  killed.close();
  CHECK(killed.said("commits_missing") == 1);
}

TEST_CASE("a loss after a commit is another one, be it as large as the one before") {
  SqliteFindings findings;
  const MissingWork found{2, 1, "the WAL is missing"};
  findings.report("jobs.db", found);
  findings.report("jobs.db", found);
  CHECK(findings.missing.commits == 2);
  findings.report("jobs.db", {3, 1, "the WAL is missing"});  // the same, and more
  CHECK(findings.missing.commits == 3);
  CHECK(findings.missing.jobs == 1);
  findings.on_commit();
  findings.report("jobs.db", found);
  CHECK(findings.missing.commits == 5);
  CHECK(findings.missing.jobs == 2);
}

}  // namespace tidegate::jobs
