// Logs that SQLite would change or delete are kept, and what openings that fail have found is not lost.
#include "unit/jobs/sqlite/killed.h"

namespace tidegate::jobs {

TEST_CASE("a log whose database was deleted or emptied is kept, and all of it is reported") {
  for (const bool emptied : {false, true}) {
    Killed killed;
    const std::string bytes = bytes_in(killed.wal());
    std::filesystem::remove(killed.path());
    if (emptied) put_bytes(killed.path(), "");
    killed.check_missing(Killed::kJobs, Killed::kJobs, "the file is missing or empty, but not its WAL");
    CHECK(bytes_in(killed.wal() + ".damaged") == bytes);
  }
}

TEST_CASE("without a mark, a log whose database was deleted is kept and reported all the same") {
  Killed killed;
  const std::string bytes = bytes_in(killed.wal());
  std::filesystem::remove(killed.path());
  std::filesystem::remove(killed.path() + ".mark");
  killed.open();
  CHECK(killed.queue().view().missing.commits == Killed::kJobs);
  CHECK(killed.said("commits_missing"));
  CHECK(bytes_in(killed.wal() + ".damaged") == bytes);
}

TEST_CASE("a log that no opening can use the database of is there for the operator: put back, both have all") {
  Killed killed;
  const std::string database = bytes_in(killed.path());
  std::filesystem::remove(killed.path());
  killed.open();
  killed.close();
  for (const char* end : {"-wal", "-shm", ".mark"}) std::filesystem::remove(killed.path() + end);
  put_bytes(killed.path(), database);
  std::filesystem::rename(killed.wal() + ".damaged", killed.wal());
  killed.check_nothing_missing();
}

TEST_CASE("what openings that fail have found missing is reported once, when it is certain") {
  Killed orphaned;
  std::filesystem::remove(orphaned.path());
  std::filesystem::remove(orphaned.path() + ".mark");
  orphaned.check_failing_disk(Killed::kJobs);
  Killed cut_off;
  const std::string bytes = bytes_in(cut_off.wal());
  put_bytes(cut_off.wal(), bytes.substr(0, bytes.size() - 24 - 4096));
  cut_off.check_failing_disk(1);
}

TEST_CASE("a damaged log is copied once, however often its file cannot be opened") {
  Killed killed;
  std::string bytes = bytes_in(killed.wal());
  bytes[bytes.size() / 2] ^= 1;
  put_bytes(killed.wal(), bytes);
  killed.fail_and_recover();
  killed.close();  // the log is complete then
  CHECK(killed.said("damaged_wal_kept") == 1);
  CHECK(bytes_in(killed.wal() + ".damaged") == bytes);
  CHECK(!std::filesystem::exists(killed.wal() + ".damaged.2"));
}

TEST_CASE("of several damaged logs the first are kept, and no more than three") {
  Killed killed;
  const std::string bytes = bytes_in(killed.wal());
  for (int i = 0; i < 5; ++i) {
    for (const char* end : {"", "-shm", ".mark"}) std::filesystem::remove(killed.path() + end);
    put_bytes(killed.wal(), bytes + std::to_string(i));
    killed.open();
    killed.close();
  }
  CHECK(bytes_in(killed.wal() + ".damaged") == bytes + "0");
  CHECK(bytes_in(killed.wal() + ".damaged.2") == bytes + "1");
  CHECK(bytes_in(killed.wal() + ".damaged.3") == bytes + "4");
  CHECK(!std::filesystem::exists(killed.wal() + ".damaged.4"));
}

}  // namespace tidegate::jobs
