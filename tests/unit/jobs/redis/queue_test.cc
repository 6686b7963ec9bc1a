// The job queue on Redis: several processes on one server, large bodies, and damage.
#include <set>

#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

namespace {

std::string noise(size_t size) {
  std::string bytes(size, '\0');
  Random random(size);
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

// Another process's queue on the same server, as far as the server can tell.
class Neighbour {
 public:
  explicit Neighbour(RedisFixture& fixture) : fixture_(fixture), queue_(open_redis_queue(fixture.options())) {
    fixture.run_until([&] { return queue_->view().available; });
  }
  ~Neighbour() {
    bool closed = false;
    queue_->close(fixture_.home(), [&] { closed = true; });
    fixture_.run_until([&] { return closed; });
  }
  net::Runtime& home() { return fixture_.home(); }
  RecordStore& queue() { return *queue_; }
  template <typename Done>
  void run_until(Done done) {
    fixture_.run_until(done);
  }

 private:
  RedisFixture& fixture_;
  std::unique_ptr<RecordStore> queue_;
};

}  // namespace

TEST_CASE("two processes on one Redis never run one job twice under live leases") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Neighbour neighbour(fixture);
  Asker ours(fixture);
  Asker<Neighbour> theirs(neighbour);
  for (int i = 0; i < 40; ++i) (i % 2 == 0 ? ours.append_new() : theirs.append_new());
  std::set<std::string> taken;
  std::vector<OperationPtr> operations;
  int answers = 0;
  for (int i = 0; i < 60; ++i) {
    RecordStore& queue = i % 2 == 0 ? fixture.queue() : neighbour.queue();
    operations.push_back(queue.claim(fixture.home(), 1h, [&](const Result<std::optional<ClaimedJob>>& job) {
      ++answers;
      REQUIRE(job.ok());
      if (job->has_value()) CHECK(taken.insert((*job)->id).second);
    }));
  }
  fixture.run_until([&] { return answers == 60; });
  CHECK(taken.size() == 40);
}

TEST_CASE("a lease that one process lets expire goes to another, and what the first reports is refused") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Neighbour neighbour(fixture);
  Asker ours(fixture);
  Asker<Neighbour> theirs(neighbour);
  const std::string id = theirs.append_new("handed on");
  const ClaimedJob lost = theirs.claim(RedisFixture::kMoment);
  CHECK(ours.nothing_to_claim());
  fixture.pass(RedisFixture::kMoment + 2ms);
  const ClaimedJob taken = ours.claim();
  CHECK(taken.id == id);
  CHECK(theirs.succeed(lost).error().code == ErrorCode::conflict);
  CHECK(ours.body_of(taken) == "handed on");
  CHECK(ours.succeed(taken).ok());
}

TEST_CASE("work that another process has appended is announced") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Neighbour neighbour(fixture);
  Asker<Neighbour> theirs(neighbour);
  int announced = 0;
  fixture.queue().on_work(fixture.home(), [&] { ++announced; });
  theirs.append_new();
  fixture.run_until([&] { return announced > 0; });
  CHECK(fixture.queue().view().depth[static_cast<size_t>(JobStatus::queued)] == 1);
}

TEST_CASE("bodies and results of 32 MiB travel in pieces and come back whole") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  const std::string body = noise(32 << 20);
  const std::string id = asker.append_new(body);
  const ClaimedJob job = asker.claim();
  CHECK(job.body_size == body.size());
  CHECK(asker.body_of(job) == body);
  REQUIRE(asker.succeed(job, {200, {}, {body, {}}}).ok());
  auto result = asker.result(id);
  REQUIRE(result.ok());
  CHECK(asker.body_of(*result->body) == body);
  CHECK(fixture.server().ask({"EXISTS", fixture.key("body:" + id)}).integer == 0);
  CHECK(fixture.server().ask({"KEYS", fixture.key("upload:*")}).items.empty());
}

TEST_CASE("many bodies at once wait for each other, and none is refused") {
  NEEDS_REDIS();
  RedisFixture fixture;
  const std::string body = noise(1 << 20);
  std::vector<OperationPtr> operations;
  size_t stored = 0, answered = 0;
  for (int i = 0; i < 80; ++i) {
    operations.push_back(
        fixture.queue().append(fixture.home(), make_draft(fixture.home(), body), [&](const Result<Appended>& appended) {
          ++answered;
          stored += appended.ok();
        }));
  }
  fixture.run_until([&] { return answered == operations.size(); });
  CHECK(stored == operations.size());
  CHECK(fixture.queue().view().bytes == operations.size() * body.size());
}

TEST_CASE("a large body whose caller has gone leaves nothing behind") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  auto operation =
      fixture.queue().append(fixture.home(), make_draft(fixture.home(), noise(8 << 20)), [](auto) { FAIL("silent"); });
  fixture.run_until([&] { return !fixture.server().ask({"KEYS", fixture.key("upload:*")}).items.empty(); });
  operation.reset();
  fixture.run_until([&] {
    return fixture.server().ask({"KEYS", fixture.key("upload:*")}).items.empty() &&
           fixture.server().ask({"KEYS", fixture.key("body:*")}).items.empty();
  });
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("a damaged record goes to the dead letters, and the next job is handed out") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  const std::string bad = asker.append_new();
  const std::string good = asker.append_new();
  fixture.server().ask({"HSET", fixture.key("job:" + bad), "target", "/elsewhere"});
  CHECK(asker.claim().id == good);
  CHECK(asker.status(bad) == JobStatus::dead);
  CHECK(asker.find(bad)->last_error == "damaged_record");
  CHECK(fixture.queue().view().damaged_total == 1);
}

TEST_CASE("a damaged or missing piece of a body reads as an error, and the job goes to the dead letters") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  for (const bool missing : {false, true}) {
    const std::string id = asker.append_new(noise(600 << 10));
    const std::string blob = fixture.key("body:" + id);
    if (missing) {
      fixture.server().ask({"HDEL", blob, "1"});
    } else {
      const std::string first = fixture.server().ask({"HGET", blob, "0"}).text;
      fixture.server().ask({"HSET", blob, "1", first});  // whole, but in another's place
    }
    const ClaimedJob job = asker.claim();
    const auto reader = fixture.queue().open_body(fixture.home(), job);
    CHECK(ask<std::string>(fixture, [&](auto done) { return reader->read_at(0, 1000, done); }).ok());
    const auto read = ask<std::string>(fixture, [&](auto done) { return reader->read_at(300 << 10, 1000, done); });
    REQUIRE(!read.ok());
    CHECK(read.error().code == ErrorCode::io);
    CHECK(asker.status(id) == JobStatus::dead);
    CHECK(asker.succeed(job).error().code == ErrorCode::conflict);
  }
  CHECK(fixture.queue().view().damaged_total == 2);
}

TEST_CASE("released jobs stay before later ones") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  const std::string first = asker.append_new();
  const std::string second = asker.append_new();
  const std::string third = asker.append_new();
  const ClaimedJob one = asker.claim();
  const ClaimedJob two = asker.claim();
  REQUIRE(asker.release(two).ok());
  REQUIRE(asker.release(one).ok());
  CHECK(asker.find(first)->position == 0);
  CHECK(asker.find(second)->position == 1);
  CHECK(asker.find(third)->position == 2);
  for (const std::string& id : {first, second, third}) CHECK(asker.claim().id == id);
}

TEST_CASE("jobs and results without a body end like all others") {
  NEEDS_REDIS();
  RedisFixture fixture;
  Asker asker(fixture);
  const std::string done = asker.append_new("");
  const ClaimedJob job = asker.claim();
  CHECK(asker.body_of(job).empty());
  REQUIRE(asker.succeed(job, {204, {}, {}}).ok());
  auto result = asker.result(done);
  REQUIRE(result.ok());
  CHECK(result->status == 204);
  CHECK(asker.body_of(*result->body).empty());
  CHECK(asker.cancel(asker.append_new("")).ok());
  JobDraft brief = make_draft(fixture.home(), "");
  brief.expires_at = brief.created_at + RedisFixture::kMoment;
  REQUIRE(asker.append(brief).ok());
  fixture.pass(RedisFixture::kMoment + 2ms);
  CHECK(asker.status(brief.id) == JobStatus::expired);
  CHECK(ask<Ok>(fixture, [&](auto answered) { return fixture.queue().purge(fixture.home(), done, answered); }).ok());
  CHECK(fixture.queue().view().bytes == 0);
}

}  // namespace tidegate::jobs
