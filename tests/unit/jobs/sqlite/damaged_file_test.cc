// A file that cannot be a job store any more, or never was one: its queue is out of service and says so, nothing is
// written to it, and it is opened again when somebody has changed it.
#include <atomic>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "jobs/refusal.h"
#include "jobs/sqlite/db/db.h"
#include "unit/jobs/sqlite/disk_layer.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(at);
  file << bytes;
}

// A closed store with some jobs, and the log.
class Bed : public SqliteFixture {
 public:
  Bed() {
    log_set_sink([this](LogLevel, std::string_view line) { log.emplace_back(line); });
    Asker asker(*this);
    for (int i = 0; i < 30; ++i) asker.append_new(std::string(2000, 'x'));
    close();
    options().reopen_every = 5ms;
  }
  ~Bed() {
    close();
    log_set_sink({});
  }
  int said(const std::string& event) const {
    int lines = 0;
    for (const std::string& line : log) lines += line.find(event) != std::string::npos;
    return lines;
  }
  void check_out_of_service(const std::string& why) {
    const QueueView view = queue().view();
    CHECK(!view.available);
    CHECK(view.why_unavailable.starts_with("store_damaged: " + path()));
    CHECK_MESSAGE(view.why_unavailable.find(why) != std::string::npos, view.why_unavailable);
    const auto refused = Asker(*this).append(make_draft(home()));
    CHECK(refused.error().code == ErrorCode::unavailable);
    CHECK(refusal_of(refused.error()) == Refusal::store_damaged);
    CHECK(Asker(*this).find("any").error().code == ErrorCode::unavailable);
  }
  void check_damage(const std::string& why) {
    const std::string before = bytes_of(path());
    log.clear();
    open();
    check_out_of_service(why);
    close();
    CHECK(said("store_damaged") == 1);
    CHECK(bytes_of(path()) == before);
  }

  std::vector<std::string> log;
};

// A disk whose syncs find the file damaged.
class DamagedLayer final : public DiskLayer {
 public:
  using DiskLayer::DiskLayer;
  int sync(File& file, int flags) override { return damaged ? SQLITE_CORRUPT : file.sync(flags); }
  std::atomic<bool> damaged{false};
};

DamagedLayer& damaged_layer() {
  static DamagedLayer layer("tidegate-damaged");
  return layer;
}

}  // namespace

TEST_CASE("a file that is no database disables its queue, and stays as it is") {
  Bed bed;
  std::ofstream(bed.path()) << std::string(8192, '.');
  bed.check_damage("not an SQLite file");
}

TEST_CASE("another program's database disables its queue, and stays as it is") {
  Bed bed;
  std::filesystem::remove(bed.path());
  SqliteDb(bed.path(), "").exec("CREATE TABLE theirs (x)");
  bed.check_damage("not a job store of Tidegate");
}

TEST_CASE("a file of a newer format, or without a column, disables its queue") {
  Bed bed;
  SqliteDb(bed.path(), "").exec("PRAGMA journal_mode=DELETE; PRAGMA user_version=99");
  bed.check_damage("format 99");
  SqliteDb(bed.path(), "")
      .exec(
          "PRAGMA user_version=5; PRAGMA journal_mode=WAL; DROP INDEX jobs_with_result;"
          "ALTER TABLE jobs DROP COLUMN result_size; PRAGMA wal_checkpoint(TRUNCATE)");
  bed.check_damage("result_size");
}

TEST_CASE("malformed pages, and an index that does not match its table, disable the queue") {
  Bed bed;
  const std::string good = bytes_of(bed.path());
  for (std::streamoff page = 1; page < 6; ++page) {
    std::ofstream(bed.path(), std::ios::binary) << good;
    overwrite(bed.path(), page * 4096, std::string(64, '\xff'));
    bed.check_damage("damaged: ");
  }
  std::ofstream(bed.path(), std::ios::binary) << good;
  SqliteDb(bed.path(), "")
      .exec(
          "PRAGMA journal_mode=DELETE; PRAGMA writable_schema=ON;"
          "UPDATE sqlite_schema SET sql = replace(sql, 'status <= 2', 'status <= 1') WHERE name = 'jobs_due'");
  SqliteDb(bed.path(), "").exec("UPDATE jobs SET status = 2 WHERE seq = 1");
  SqliteDb(bed.path(), "")
      .exec(
          "PRAGMA writable_schema=ON;"
          "UPDATE sqlite_schema SET sql = replace(sql, 'status <= 1', 'status <= 2') WHERE name = 'jobs_due'");
  bed.check_damage("damaged: ");
}

TEST_CASE("a job whose status is none disables the queue rather than ending the process") {
  Bed bed;
  SqliteDb(bed.path(), "").exec("UPDATE jobs SET status = 77 WHERE seq = 1; PRAGMA wal_checkpoint(TRUNCATE)");
  bed.check_damage("status 77");
}

TEST_CASE("a damaged file is looked at again when it has been changed: replaced, or moved aside") {
  Bed bed;
  const std::string good = bytes_of(bed.path());
  std::ofstream(bed.path()) << "no database";
  bed.open();
  bed.check_out_of_service("not an SQLite file");
  std::ofstream(bed.path() + ".new", std::ios::binary) << good;
  std::filesystem::rename(bed.path() + ".new", bed.path());
  bed.run_until([&] { return bed.queue().view().available; });
  CHECK(bed.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 30);
  bed.close();

  std::ofstream(bed.path()) << "no database";
  bed.open();
  std::filesystem::rename(bed.path(), bed.path() + ".aside");
  bed.run_until([&] { return bed.queue().view().available; });
  CHECK(Asker(bed).append(make_draft(bed.home())).ok());
  CHECK(bed.said("store_recovered") == 2);
}

TEST_CASE("damage found while running: the file is read through, and used again only if it is whole") {
  Bed bed;
  bed.options().vfs = damaged_layer().name();
  bed.open();
  damaged_layer().damaged = true;
  CHECK(refusal_of(Asker(bed).append(make_draft(bed.home())).error()) == Refusal::store_damaged);
  damaged_layer().damaged = false;
  bed.run_until([&] { return bed.queue().view().available; });
  CHECK(Asker(bed).append(make_draft(bed.home())).ok());

  damaged_layer().damaged = true;
  overwrite(bed.path(), 4096, std::string(std::filesystem::file_size(bed.path()) - 4096, '\xff'));
  CHECK(!Asker(bed).append(make_draft(bed.home())).ok());
  damaged_layer().damaged = false;
  bed.run_until([&] { return bed.said("\"store_damaged\"") + bed.said(" store_damaged ") > 0; });
  bed.check_out_of_service("damaged: ");
}

}  // namespace tidegate::jobs
