// Every step of the store's disk fails once, and from then on: the first, the second, the third. Whatever was answered
// "yes" is there afterwards, whatever was answered "no" has not happened, and the queue comes back by itself.
#include "base/log.h"
#include "unit/jobs/sqlite/job_load.h"
#include "unit/jobs/sqlite/nth_fault.h"

namespace tidegate::jobs {

namespace {

constexpr int kNthMax = 40;

class NthFaultBed : public RealFixture {
 public:
  NthFaultBed() {
    log_configure(LogLevel::off, LogFormat::text);
    open();
  }
  ~NthFaultBed() {
    close();
    log_configure(LogLevel::info, LogFormat::text);
  }
  JobQueue& queue() { return *queue_; }
  void open() {
    queue_ = open_sqlite({.path = file("jobs.db"),
                          .reopen_every = 2ms,
                          .body_file_min = JobLoad::kBodyFileMin,
                          .vfs = NthFaultDisk::the().name()});
    CHECK(queue_->view().missing.reason == "");  // a disk that fails loses nothing, so nothing is called missing
  }
  void close() { RealFixture::close(std::move(queue_)); }
  void await_store() {
    run_until([&] { return queue_->view().available; });
  }

 private:
  std::unique_ptr<JobQueue> queue_;
};

// A life in which `fault` happens somewhere, or not; answers whether it has.
bool live_with(const NthFault& fault) {
  INFO(to_string(fault));
  NthFaultDisk& disk = NthFaultDisk::the();
  disk.arm(fault);
  JobLoad load(7);
  NthFaultBed fixture;
  for (int life = 0; life < 2; ++life) {
    if (!fault.lasting) fixture.await_store();
    load.run(fixture, fixture.queue(), 1, 14);
    fixture.close();  // the log goes into the file
    fixture.open();
  }
  const bool happened = disk.disarm();
  fixture.await_store();
  load.run(fixture, fixture.queue(), 2, 5);
  fixture.close();
  fixture.open();
  JobLoad::Found found = load.inspect(fixture, fixture.queue());
  CHECK(found.lost == 0);
  CHECK(found.turned_back == 0);
  CHECK(found.spoilt == 0);
  found = load.drain(fixture, fixture.queue());
  CHECK(found.lost == 0);
  CHECK(found.spoilt == 0);
  return happened;
}

int try_all(NthFault fault) {
  int lives = 0;
  fault.lasting = false;
  for (fault.nth = 1; fault.nth <= kNthMax && live_with(fault); ++fault.nth) ++lives;
  fault.lasting = true;
  for (fault.nth = 1; fault.nth <= kNthMax && live_with(fault); fault.nth *= 2) ++lives;
  return lives;
}

}  // namespace

TEST_CASE("a write of the log that fails or stops half-way loses nothing that was promised") {
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::full, FaultKind::short_write}) {
    CHECK(try_all({DiskFile::wal, DiskStep::write, kind}) >= kNthMax);
  }
}

TEST_CASE("a write of the file that fails or stops half-way loses nothing that was promised") {
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::full, FaultKind::short_write}) {
    CHECK(try_all({DiskFile::database, DiskStep::write, kind}) > 10);
  }
}

TEST_CASE("a sync that fails loses nothing that was promised") {
  CHECK(try_all({DiskFile::wal, DiskStep::sync}) > 10);
  CHECK(try_all({DiskFile::database, DiskStep::sync}) > 2);
}

TEST_CASE("a file that cannot be opened, read, mapped or truncated loses nothing that was promised") {
  CHECK(try_all({DiskFile::database, DiskStep::open}) > 2);
  CHECK(try_all({DiskFile::wal, DiskStep::open}) > 2);
  CHECK(try_all({DiskFile::journal, DiskStep::open}) > 0);
  CHECK(try_all({DiskFile::database, DiskStep::map_shared}) > 2);
  CHECK(try_all({DiskFile::database, DiskStep::read}) > 10);
  CHECK(try_all({DiskFile::wal, DiskStep::truncate}) > 0);
  CHECK(try_all({DiskFile::journal, DiskStep::write}) > 0);
  CHECK(try_all({DiskFile::journal, DiskStep::sync}) > 0);
}

}  // namespace tidegate::jobs
