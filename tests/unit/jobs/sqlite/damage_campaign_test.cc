// Stores that were killed and whose files were then damaged at random: whatever was promised is there, or its loss is
// reported; nothing wrong is handed out; and the queue opens, in service or out of it.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

#include "base/log.h"
#include "base/random.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

// What a store has promised.
struct Promise {
  std::string body;
  std::string result;  // of a job that has succeeded
  JobStatus status = JobStatus::queued;
};
using Promises = std::map<std::string, Promise>;

std::string random_text(Random& random, uint64_t below) {
  std::string text(random.below(below), '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

// A life of 60 steps; then the files are copied as a kill would leave them.
Promises live_and_kill(Random& random, const std::string& folder) {
  SqliteFixture alive;
  Asker asker(alive);
  Promises promises;
  for (int step = 0; step < 60; ++step) {
    if (step == 30 && random.chance(0.5)) alive.restart();
    if (random.below(3) > 0) {
      const std::string body = random_text(random, 20'000);
      promises[asker.append_new(body)] = {body, "", JobStatus::queued};
      continue;
    }
    const auto claimed = asker.try_claim();
    REQUIRE(claimed.ok());
    if (!*claimed) continue;
    Promise& promise = promises.at((*claimed)->id);
    switch (random.below(3)) {
      case 0:
        promise.result = random_text(random, 20'000);
        REQUIRE(asker.succeed(**claimed, {200, {}, {promise.result, {}}}).ok());
        promise.status = JobStatus::succeeded;
        break;
      case 1:
        REQUIRE(asker.dead_letter(**claimed).ok());
        promise.status = JobStatus::dead;
        break;
      default: REQUIRE(asker.release(**claimed).ok()); break;
    }
  }
  for (const char* end : {"", "-wal", "-shm", ".mark"}) {
    std::filesystem::copy_file(alive.path() + end, folder + "/jobs.db" + end);
  }
  return promises;
}

// One of the files, in one of the ways in which files are damaged. Returns which and how.
std::string damage(Random& random, const std::string& folder) {
  constexpr const char* kFiles[] = {"jobs.db", "jobs.db-wal", "jobs.db-shm"};
  const std::string path = folder + "/" + kFiles[random.below(3)];
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const size_t at = random.below(bytes.size());
  const size_t some = std::min<size_t>(1 + random.below(8192), bytes.size() - at);
  std::string how;
  switch (random.below(5)) {
    case 0: bytes[at] ^= static_cast<char>(1 << random.below(8)), how = "one bit"; break;
    case 1: bytes.replace(at, some, random_text(random, some + 1)), how = "other bytes"; break;
    case 2: std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), some, '\0'), how = "zeros"; break;
    case 3: bytes.resize(at), how = "cut off"; break;
    default: std::filesystem::remove(path); return path + ": deleted";
  }
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  return path + ": " + how + " at " + std::to_string(at);
}

class Opened : public RealFixture {
 public:
  explicit Opened(const std::string& path) : queue_(open_sqlite({.path = path, .reopen_every = 1h})) {}
  ~Opened() { close(std::move(queue_)); }
  JobQueue& queue() { return *queue_; }

 private:
  std::unique_ptr<JobQueue> queue_;
};

struct Tally {
  int out_of_service = 0, reported = 0, whole = 0;
  int silent = 0, wrong = 0;
};

bool waits(JobStatus status) { return status == JobStatus::queued || status == JobStatus::retrying; }

// Whether the job is as it was promised; a dead letter for damage says so itself.
bool kept(Asker<Opened>& asker, const std::string& id, const Promise& promise) {
  const auto record = asker.find(id);
  if (!record) return false;
  if (record->last_error == "damaged_record") return true;
  return record->status == promise.status || (waits(record->status) && waits(promise.status));
}

std::optional<std::string> result_of(Opened& opened, Asker<Opened>& asker, const std::string& id) {
  const auto result = asker.result(id);
  if (!result) return std::nullopt;
  std::string bytes;
  while (bytes.size() < result->body->size()) {
    const auto piece =
        ask<std::string>(opened, [&](auto done) { return result->body->read_at(bytes.size(), 50'000, done); });
    if (!piece || piece->empty()) return std::nullopt;
    bytes += *piece;
  }
  return bytes;
}

// Everything that the store hands out is what was promised.
void hand_out(Opened& opened, Asker<Opened>& asker, const Promises& promises, Tally& tally) {
  for (const auto& [id, promise] : promises) {
    const auto result = result_of(opened, asker, id);
    if (result && *result != promise.result) ++tally.wrong;
  }
  for (auto job = asker.try_claim(1h); job.ok() && *job; job = asker.try_claim(1h)) {
    const auto promise = promises.find((*job)->id);
    if (promise == promises.end() || asker.body_of(**job) != promise->second.body) ++tally.wrong;
  }
}

void judge(Opened& opened, const Promises& promises, const std::string& what, Tally& tally) {
  const QueueView view = opened.queue().view();
  if (!view.available) {
    CHECK_MESSAGE(view.why_unavailable.starts_with("store_damaged: "), what << ": " << view.why_unavailable);
    ++tally.out_of_service;
    return;
  }
  Asker asker(opened);
  int lost = 0;
  for (const auto& [id, promise] : promises) lost += !kept(asker, id, promise);
  const bool reported = !view.missing.reason.empty();
  if (lost > 0 && !reported) {
    ++tally.silent;
    MESSAGE(what << ": " << lost << " of " << promises.size() << " are not as promised, and nothing says so");
  }
  ++(reported ? tally.reported : tally.whole);
  hand_out(opened, asker, promises, tally);
}

int campaigns_wanted() {
  const char* text = std::getenv("DAMAGES");
  return text ? std::atoi(text) : 40;
}

}  // namespace

TEST_CASE(
    "files that are damaged at random after a kill: nothing lost in silence, nothing wrong handed out, always up") {
  log_configure(LogLevel::off, LogFormat::text);
  Tally tally;
  for (int seed = 1; seed <= campaigns_wanted(); ++seed) {
    Random random(static_cast<uint64_t>(seed));
    TestFolder folder;
    std::filesystem::create_directory(folder.file("store"));
    const Promises promises = live_and_kill(random, folder.file("store"));
    const std::string what = "seed " + std::to_string(seed) + ", " + damage(random, folder.file("store"));
    Opened opened(folder.file("store") + "/jobs.db");
    judge(opened, promises, what, tally);
  }
  MESSAGE(campaigns_wanted() << " damages: " << tally.whole << " without a loss, " << tally.reported << " reported, "
                             << tally.out_of_service << " out of service, " << tally.silent << " silent, "
                             << tally.wrong << " wrong");
  CHECK(tally.silent == 0);
  CHECK(tally.wrong == 0);
  CHECK(tally.whole > 0);
  CHECK(tally.reported > 0);
  CHECK(tally.out_of_service > 0);
  log_configure(LogLevel::info, LogFormat::text);
}

}  // namespace tidegate::jobs
