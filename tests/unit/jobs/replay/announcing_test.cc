// A job's end is announced before it is settled, and is never delayed for long.
#include "unit/jobs/replay/replay_fixture.h"

namespace tidegate::jobs {

namespace {

class Announcer final : public EndAnnouncer {
 public:
  explicit Announcer(Fixture& fixture) : fixture_(fixture) {}

  bool wants(const ClaimedJob&) override { return wanted; }
  OperationPtr announce(const ClaimedJob& job, JobEvent end, int calls_before, Callback<Ok> done) override {
    CHECK(calls_before == asked[job.id]++);
    ends.push_back(end);
    if (silent) return nullptr;
    return std::make_unique<Acknowledgement>(
        fixture_.bed.home(), failures-- > 0 ? Status(Error{error, "unavailable"}) : Status(Ok{}), std::move(done));
  }
  void lost(const ClaimedJob&, JobEvent, const std::string&) override { ++lost_count; }

  bool wanted = true;
  bool silent = false;
  int failures = 0;
  ErrorCode error = ErrorCode::unavailable;
  std::map<std::string, int> asked;
  std::vector<JobEvent> ends;
  int lost_count = 0;

 private:
  class Acknowledgement final : public net::Operation {
   public:
    Acknowledgement(net::Runtime& home, Status status, Callback<Ok> done)
        : timer_(home, [status = std::move(status), done = std::move(done)] { done(status); }) {
      timer_.start_after(100ms);
    }

   private:
    net::Timer timer_;
  };

  Fixture& fixture_;
};

}  // namespace

TEST_CASE("an end is announced first, whether it is a result or the dead letters; a failure on the way is not") {
  Fixture fixture;
  Announcer announcer(fixture);
  fixture.announcer = &announcer;
  fixture.runner.script = {responded(500), responded(200), responded(500), responded(500), responded(500)};
  const std::string good = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(900ms);
  CHECK(announcer.ends.empty());
  fixture.bed.pass(10s);
  const std::string bad = fixture.asker.append_new();
  fixture.bed.pass(600s);
  CHECK(fixture.asker.status(good) == JobStatus::succeeded);
  CHECK(fixture.asker.status(bad) == JobStatus::dead);
  REQUIRE(announcer.ends.size() == 2);
  CHECK(announcer.ends[0] == JobEvent::succeeded);
  CHECK(announcer.ends[1] == JobEvent::dead);
  CHECK(announcer.lost_count == 0);
}

TEST_CASE("until its end is announced a job is not settled") {
  Fixture fixture;
  Announcer announcer(fixture);
  fixture.announcer = &announcer;
  announcer.failures = 3;
  const std::string id = fixture.asker.append_new();
  fixture.start();
  for (int i = 0; i < 200 && announcer.asked[id] < 4; ++i) {
    CHECK(fixture.asker.status(id) != JobStatus::succeeded);
    fixture.bed.pass(10ms);
  }
  fixture.bed.pass(1s);
  CHECK(announcer.asked[id] == 4);
  CHECK(fixture.asker.status(id) == JobStatus::succeeded);
  CHECK(announcer.lost_count == 0);
}

TEST_CASE("an announcer that is unavailable, full or silent does not delay the job: the loss is reported") {
  for (const int how : {0, 1, 2}) {
    Fixture fixture;
    Announcer announcer(fixture);
    fixture.announcer = &announcer;
    announcer.failures = 1000;
    announcer.silent = how == 1;
    if (how == 2) announcer.error = ErrorCode::exhausted;
    const std::string id = fixture.asker.append_new();
    fixture.start();
    fixture.bed.pass(Replayer::kAnnounceWithin + 1s);
    CHECK(fixture.asker.status(id) == JobStatus::succeeded);
    CHECK(announcer.lost_count == 1);
    CHECK(announcer.asked[id] >= 1);
    if (how == 2) CHECK(announcer.asked[id] == 1);
  }
}

TEST_CASE("a run reported as hopeless, failed or too early is handled as that") {
  Fixture fixture;
  RunResult gone = responded(410);
  gone.worth = RunResult::Worth::hopeless;
  fixture.runner.script = {gone};
  const std::string dead = fixture.asker.append_new();
  fixture.start();
  fixture.bed.pass(1s);
  CHECK(fixture.asker.status(dead) == JobStatus::dead);
  CHECK(fixture.asker.find(dead)->last_error == "410");
  RunResult not_found = responded(404);
  not_found.worth = RunResult::Worth::failed;
  RunResult early = responded(200);
  early.too_early_for = 5s;
  fixture.runner.script = {not_found, early};
  const std::string retried = fixture.asker.append_new();
  fixture.bed.pass(500ms);
  CHECK(fixture.asker.status(retried) == JobStatus::retrying);
  fixture.bed.pass(1s);
  CHECK(fixture.runner.script.empty());
  CHECK(fixture.asker.status(retried) == JobStatus::queued);
  fixture.bed.pass(6s);
  CHECK(fixture.asker.status(retried) == JobStatus::succeeded);
  CHECK(fixture.asker.find(retried)->attempt == 2);
}

}  // namespace tidegate::jobs
