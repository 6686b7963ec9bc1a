// The power fails at random moments of a loaded store: whatever was answered "yes" is on the disk. And to show that
// these cuts can find a loss at all: with synchronous=NORMAL, they do.
#include <cstdlib>

#include "base/log.h"
#include "jobs/sqlite/db.h"
#include "unit/jobs/sqlite/job_load.h"
#include "unit/jobs/sqlite/power_disk.h"

namespace tidegate::jobs {

namespace {

constexpr int kCutsAChain = 10;  // on the same store, one after the other
constexpr int kClients = 16;
constexpr int kTurns = 100;

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

  // In the folder that there is.
  void open(Duration reopen_every = 1h) {
    auto opened = open_sqlite_queue(
        {.path = folder() + "/jobs.db", .reopen_every = reopen_every, .vfs = PowerDisk::the().name()});
    REQUIRE_MESSAGE(opened.ok(), (opened.ok() ? "" : opened.error().message));
    queue_ = std::move(*opened);
  }
  void close() { RealFixture::close(std::move(queue_)); }
  // The disk goes to another machine.
  void move_on() {
    PowerDisk::the().cut_now();
    close();
    std::filesystem::remove_all(folder());
    ++life_;
    PowerDisk::the().leave_in(folder());
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

struct Tally {
  uint64_t promises = 0;
  int cuts = 0;
  int lost = 0, turned_back = 0, spoilt = 0, damaged_files = 0;

  void add(const JobLoad::Found& found) {
    lost += found.lost;
    turned_back += found.turned_back;
    spoilt += found.spoilt;
  }
  bool harmed() const { return lost + turned_back + spoilt + damaged_files > 0; }
};

void run_chain(uint64_t seed, bool loud, Tally& tally) {
  PowerDisk& disk = PowerDisk::the();
  PowerBed fixture;
  JobLoad load(seed, loud);
  Random random(seed);
  for (int i = 0; i < kCutsAChain; ++i) {
    // Few steps: within the opening. Many: among checkpoints.
    constexpr uint64_t kWithin[] = {40, 500, 4000, 16'000};
    disk.power_on(random.next(), 1 + random.below(kWithin[random.below(std::size(kWithin))]));
    fixture.open();
    load.run(fixture, fixture.queue(), kClients, kTurns);
    fixture.move_on();
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
  tally.promises += load.promises();
}

Tally cut_power(int cuts, bool loud = true) {
  Tally tally;
  for (uint64_t seed = 1; tally.cuts < cuts; ++seed) run_chain(seed, loud, tally);
  const auto counts = PowerDisk::the().counts();
  MESSAGE(tally.cuts << " cuts, " << tally.promises << " promises: " << tally.lost << " lost, " << tally.turned_back
                     << " turned back, " << tally.spoilt << " spoilt, " << tally.damaged_files
                     << " damaged files; all so far: " << counts.sectors_dropped << " sectors dropped, "
                     << counts.sectors_kept << " kept, " << counts.wal_syncs << " syncs of the WAL, "
                     << counts.database_syncs << " of the file");
  return tally;
}

int cuts_wanted() {
  const char* text = std::getenv("POWER_CUTS");
  return text ? std::atoi(text) : 20;
}

}  // namespace

TEST_CASE("the power is cut under load, again and again: nothing that was promised is lost, and no file is damaged") {
  const Tally tally = cut_power(cuts_wanted());
  CHECK(tally.lost == 0);
  CHECK(tally.turned_back == 0);
  CHECK(tally.spoilt == 0);
  CHECK(tally.damaged_files == 0);
  CHECK(tally.promises > 0);
}

TEST_CASE("no later promise is built on what a failed sync has left") {
  PowerDisk& disk = PowerDisk::the();
  Tally tally;
  Random random(5);
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    PowerBed fixture;
    JobLoad load(seed);
    disk.power_on(seed, ~uint64_t{0});
    disk.fail_sync(1 + random.below(60));
    fixture.open(2ms);
    for (int life = 0; life < 2; ++life) {
      fixture.run_until([&] { return fixture.queue().view().available; });
      load.run(fixture, fixture.queue(), 8, 20);
    }
    fixture.move_on();
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
  const Tally tally = cut_power(20, false);
  PowerDisk::the().set_weak(false);
  CHECK(tally.lost > 0);
  CHECK(tally.damaged_files == 0);  // it loses the newest; it does not break
}

}  // namespace tidegate::jobs
