// A job's end is announced before it is settled, and is never kept waiting for long.
#include "unit/jobs/replay_rig.h"

namespace tidegate::jobs {

namespace {

class Announcer final : public EndAnnouncer {
 public:
  explicit Announcer(Replay& replay) : replay_(replay) {}

  bool wants(const ClaimedJob&) override { return wanted; }
  OperationPtr announce(const ClaimedJob& job, JobEvent end, int tries, Callback<Ok> done) override {
    CHECK(tries == asked[job.id]++);
    ends.push_back(end);
    if (silent) return nullptr;
    return std::make_unique<Answer>(replay_.bed.home(), failures-- > 0 ? Status(Error{error, "away"}) : Status(Ok{}),
                                    std::move(done));
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
  class Answer final : public net::Operation {
   public:
    Answer(net::Runtime& home, Status status, Callback<Ok> done)
        : timer_(home, [status = std::move(status), done = std::move(done)] { done(status); }) {
      timer_.start_after(100ms);
    }

   private:
    net::Timer timer_;
  };

  Replay& replay_;
};

}  // namespace

TEST_CASE("an end is announced first, whether it is a result or the dead letters; a failure on the way is not") {
  Replay replay;
  Announcer announcer(replay);
  replay.announcer = &announcer;
  replay.runner.script = {answered(500), answered(200), answered(500), answered(500), answered(500)};
  const std::string good = replay.asker.append_new();
  replay.start();
  replay.bed.pass(900ms);
  CHECK(announcer.ends.empty());
  replay.bed.pass(10s);
  const std::string bad = replay.asker.append_new();
  replay.bed.pass(600s);
  CHECK(replay.asker.status(good) == JobStatus::succeeded);
  CHECK(replay.asker.status(bad) == JobStatus::dead);
  REQUIRE(announcer.ends.size() == 2);
  CHECK(announcer.ends[0] == JobEvent::succeeded);
  CHECK(announcer.ends[1] == JobEvent::dead);
  CHECK(announcer.lost_count == 0);
}

TEST_CASE("until its end is announced a job is not settled") {
  Replay replay;
  Announcer announcer(replay);
  replay.announcer = &announcer;
  announcer.failures = 3;
  const std::string id = replay.asker.append_new();
  replay.start();
  for (int i = 0; i < 200 && announcer.asked[id] < 4; ++i) {
    CHECK(replay.asker.status(id) != JobStatus::succeeded);
    replay.bed.pass(10ms);
  }
  replay.bed.pass(1s);
  CHECK(announcer.asked[id] == 4);
  CHECK(replay.asker.status(id) == JobStatus::succeeded);
  CHECK(announcer.lost_count == 0);
}

TEST_CASE("an announcer that is away, full or silent does not keep the job: the loss is told") {
  for (const int how : {0, 1, 2}) {
    Replay replay;
    Announcer announcer(replay);
    replay.announcer = &announcer;
    announcer.failures = 1000;
    announcer.silent = how == 1;
    if (how == 2) announcer.error = ErrorCode::exhausted;
    const std::string id = replay.asker.append_new();
    replay.start();
    replay.bed.pass(Replayer::kAnnounceWithin + 1s);
    CHECK(replay.asker.status(id) == JobStatus::succeeded);
    CHECK(announcer.lost_count == 1);
    CHECK(announcer.asked[id] >= 1);
    if (how == 2) CHECK(announcer.asked[id] == 1);
  }
}

TEST_CASE("a run that says it is hopeless, done, or too early is taken at its word") {
  Replay replay;
  RunResult gone = answered(410);
  gone.worth = RunResult::Worth::hopeless;
  replay.runner.script = {gone};
  const std::string dead = replay.asker.append_new();
  replay.start();
  replay.bed.pass(1s);
  CHECK(replay.asker.status(dead) == JobStatus::dead);
  CHECK(replay.asker.find(dead)->last_error == "410");
  RunResult not_found = answered(404);
  not_found.worth = RunResult::Worth::failed;
  RunResult early = answered(200);
  early.not_yet = 5s;
  replay.runner.script = {not_found, early};
  const std::string retried = replay.asker.append_new();
  replay.bed.pass(500ms);
  CHECK(replay.asker.status(retried) == JobStatus::retrying);
  replay.bed.pass(1s);
  CHECK(replay.runner.script.empty());
  CHECK(replay.asker.status(retried) == JobStatus::queued);
  replay.bed.pass(6s);
  CHECK(replay.asker.status(retried) == JobStatus::succeeded);
  CHECK(replay.asker.find(retried)->attempt == 2);
}

}  // namespace tidegate::jobs
