// The power fails at random moments of a loaded store: whatever was answered "yes" is on the disk. And to show that
// these cuts can find a loss at all: with synchronous=NORMAL, they do.
#include <cstdlib>

#include "base/log.h"
#include "jobs/sqlite/db/db.h"
#include "unit/jobs/sqlite/body_fixture.h"
#include "unit/jobs/sqlite/power_disk.h"

namespace tidegate::jobs {

namespace {

constexpr int kCutsAChain = 10;  // on the same store, one after the other
constexpr int kClients = 16;
constexpr int kTurns = 100;
constexpr auto kReplacing = std::filesystem::copy_options::overwrite_existing;

// One store after the other, each with what the last cut has left.
class PowerBed : public RealFixture {
 public:
  PowerBed() { log_configure(LogLevel::off, LogFormat::text); }
  ~PowerBed() {
    close();
    log_configure(LogLevel::info, LogFormat::text);
  }
  JobQueue& queue() { return *queue_; }
  std::string folder() const { return file(std::to_string(life_)); }
  std::string path() const { return folder() + "/jobs.db"; }

  // In the folder that there is.
  void open(Duration reopen_every = 1h) {
    queue_ = open_sqlite({.path = path(),
                          .reopen_every = reopen_every,
                          .body_file_min = JobLoad::kBodyFileMin,
                          .vfs = PowerDisk::the().name()});
  }
  void close() { RealFixture::close(std::move(queue_)); }
  void keep_mark() { std::filesystem::copy_file(path() + ".mark", file("mark"), kReplacing); }
  // The disk goes to another machine. The mark of the last commit has reached the platter, or only the one of
  // keep_mark().
  void move_on(bool newest_mark) {
    PowerDisk::the().cut_now();
    close();
    const std::string before = folder();
    ++life_;
    PowerDisk::the().leave_in(before, folder());
    for (const std::string& name : body_files_of(before + "/jobs.db")) {
      const std::string body = "/jobs.db-bodies/" + name;
      if (PowerDisk::the().knows(before + body)) continue;
      std::filesystem::create_directories(path() + "-bodies");
      std::filesystem::copy_file(before + body, folder() + body);
    }
    std::filesystem::copy_file(newest_mark ? before + "/jobs.db.mark" : file("mark"), path() + ".mark");
    std::filesystem::remove_all(before);
  }
  // Files of bodies that no job has, once all that was to be deleted is.
  size_t count_bodies_left() {
    SqliteDb db(path(), "");
    run_until([&] {
      queue().tidy(home());
      return db.value_of("SELECT count(*) FROM unowned") == "0";
    });
    return body_files_of(path()).size() - std::stoul(db.value_of("SELECT count(*) FROM body_files"));
  }
  std::string integrity() {
    const std::string copy = file("copy");
    std::filesystem::copy(folder(), copy, std::filesystem::copy_options::recursive);
    const std::string found = SqliteDb(copy + "/jobs.db", "").value_of("PRAGMA integrity_check");
    std::filesystem::remove_all(copy);
    return found;
  }

 private:
  int life_ = 0;
  std::unique_ptr<JobQueue> queue_;
};

struct CutTally {
  uint64_t promises = 0;
  int cuts = 0;
  int lost = 0, turned_back = 0, spoilt = 0, damaged_files = 0;
  size_t bodies_left = 0;

  void add(const JobLoad::Found& found) {
    lost += found.lost;
    turned_back += found.turned_back;
    spoilt += found.spoilt;
  }
  bool harmed() const { return lost + turned_back + spoilt + damaged_files > 0; }
};

void run_chain(uint64_t seed, bool loud, CutTally& tally) {
  PowerDisk& disk = PowerDisk::the();
  PowerBed fixture;
  JobLoad load(seed, loud);
  Random random(seed);
  const bool newest_mark = seed % 2 == 1;
  for (int i = 0; i < kCutsAChain; ++i) {
    // Few steps: within the opening. Many: among checkpoints.
    constexpr uint64_t kWithin[] = {40, 500, 4000, 16'000};
    disk.power_on(random.next(), 1 + random.below(kWithin[random.below(std::size(kWithin))]));
    fixture.open();
    fixture.keep_mark();
    load.run(fixture, fixture.queue(), kClients, kTurns);
    fixture.move_on(newest_mark);
    ++tally.cuts;
    if (fixture.integrity() != "ok") ++tally.damaged_files;
    disk.power_on(1, ~uint64_t{0});
    fixture.open();
    tally.add(load.inspect(fixture, fixture.queue()));
    fixture.close();
  }
  disk.power_on(1, ~uint64_t{0});
  fixture.open();
  tally.add(load.drain(fixture, fixture.queue()));
  // Beside a mark of before a file may be a job's: it is kept.
  if (newest_mark) tally.bodies_left += fixture.count_bodies_left();
  tally.promises += load.promises();
}

CutTally cut_power(int cuts, bool loud = true) {
  CutTally tally;
  for (uint64_t seed = 1; tally.cuts < cuts; ++seed) run_chain(seed, loud, tally);
  const auto counts = PowerDisk::the().counts();
  MESSAGE(tally.cuts << " cuts, " << tally.promises << " promises: " << tally.lost << " lost, " << tally.turned_back
                     << " turned back, " << tally.spoilt << " spoilt, " << tally.damaged_files
                     << " damaged files; all so far: " << counts.sectors_dropped << " sectors dropped, "
                     << counts.sectors_kept << " kept, " << counts.wal_syncs << " syncs of the WAL, "
                     << counts.database_syncs << " of the file, " << counts.body_syncs << " of bodies");
  return tally;
}

int cuts_wanted() {
  const char* text = std::getenv("POWER_CUTS");
  return text ? std::atoi(text) : 20;
}

}  // namespace

TEST_CASE("the power is cut under load, again and again: nothing that was promised is lost, and no file is damaged") {
  const CutTally tally = cut_power(cuts_wanted());
  CHECK(tally.lost == 0);
  CHECK(tally.turned_back == 0);
  CHECK(tally.spoilt == 0);
  CHECK(tally.damaged_files == 0);
  CHECK(tally.bodies_left == 0);
  CHECK(tally.promises > 0);
  CHECK(PowerDisk::the().counts().body_syncs > 0);
}

namespace {

// A body whose file's sync fails is refused.
void append_failing(PowerBed& fixture) {
  const auto refused = ask<Appended>(fixture, [&](auto done) {
    return fixture.queue().append(fixture.home(), large_draft(fixture.home(), large_bytes(kMiB)), done);
  });
  CHECK(refused.error().code == ErrorCode::io);
}

}  // namespace

TEST_CASE("no later promise is built on what a failed sync has left") {
  PowerDisk& disk = PowerDisk::the();
  CutTally tally;
  Random random(5);
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    PowerBed fixture;
    JobLoad load(seed);
    disk.power_on(seed, ~uint64_t{0});
    const bool of_body = seed % 2 == 0;
    of_body ? disk.fail_sync(DiskFile::body, 1) : disk.fail_sync(DiskFile::wal, 1 + random.below(60));
    fixture.open(2ms);
    const uint64_t failed_before = disk.counts().failed_syncs;
    if (of_body) append_failing(fixture);
    if (of_body) CHECK(disk.counts().failed_syncs == failed_before + 1);
    for (int life = 0; life < 2; ++life) {
      fixture.run_until([&] { return fixture.queue().view().available; });
      load.run(fixture, fixture.queue(), 8, 20);
    }
    fixture.move_on(true);
    if (fixture.integrity() != "ok") ++tally.damaged_files;
    disk.power_on(1, ~uint64_t{0});
    fixture.open();
    tally.add(load.inspect(fixture, fixture.queue()));
    fixture.close();
  }
  CHECK(!tally.harmed());
}

TEST_CASE("the same power cuts find what a store with synchronous=NORMAL loses") {
  PowerDisk::the().set_weak(true);
  const CutTally tally = cut_power(20, false);
  PowerDisk::the().set_weak(false);
  CHECK(tally.lost > 0);
  CHECK(tally.damaged_files == 0);  // it loses the newest; it does not break
}

}  // namespace tidegate::jobs
