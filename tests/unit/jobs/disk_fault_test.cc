// Every step of the store's disk fails once, and from then on: the first, the second, the third. Whatever was answered
// "yes" is there afterwards, whatever was answered "no" has not happened, and the queue comes back by itself.
#include "base/log.h"
#include "unit/jobs/job_load.h"
#include "unit/jobs/nth_fault.h"

namespace tidegate::jobs {

namespace {

constexpr int kNthMax = 40;

class NthFaultBed : public RealBed {
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
    auto opened = open_sqlite_queue({.path = file("jobs.db"), .reopen_every = 2ms, .vfs = NthFaultDisk::the().name()});
    REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
    queue_ = std::move(*opened);
  }
  void close() { RealBed::close(std::move(queue_)); }
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
  NthFaultBed bed;
  for (int life = 0; life < 2; ++life) {
    if (!fault.lasting) bed.await_store();
    load.run(bed, bed.queue(), 1, 14);
    bed.close();  // the log goes into the file
    bed.open();
  }
  const bool happened = disk.disarm();
  bed.await_store();
  load.run(bed, bed.queue(), 2, 5);
  bed.close();
  bed.open();
  JobLoad::Found found = load.inspect(bed, bed.queue());
  CHECK(found.lost == 0);
  CHECK(found.turned_back == 0);
  CHECK(found.spoilt == 0);
  found = load.drain(bed, bed.queue());
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

TEST_CASE("a write of the log that fails or stops half-way takes nothing with it that was promised") {
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::full, FaultKind::short_write}) {
    CHECK(try_all({DiskFile::wal, DiskStep::write, kind}) >= kNthMax);
  }
}

TEST_CASE("a write of the file that fails or stops half-way takes nothing with it that was promised") {
  for (const FaultKind kind : {FaultKind::io_error, FaultKind::full, FaultKind::short_write}) {
    CHECK(try_all({DiskFile::database, DiskStep::write, kind}) > 10);
  }
}

TEST_CASE("a sync that fails takes nothing with it that was promised") {
  CHECK(try_all({DiskFile::wal, DiskStep::sync}) > 10);
  CHECK(try_all({DiskFile::database, DiskStep::sync}) > 2);
}

TEST_CASE("a file that cannot be opened, read, mapped or cut takes nothing with it that was promised") {
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
