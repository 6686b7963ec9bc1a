// Where a job queue is put to test: the SQLite one on real threads and a real disk, the simulator's in simulated time.
// every_queue.h names all beds.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "jobs/sim/queue.h"
#include "jobs/sqlite/queue.h"
#include "net/sim/sim_runtime.h"
#include "net/timer.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::jobs {

// A folder of its own, gone at the end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// What the beds on real threads share: a loop that the test turns, and a folder.
class RealBed {
 public:
  net::Runtime& home() { return runtime_; }
  std::string file(const std::string& name) const { return folder_.file(name); }
  // Runs the loop until `done`; fails the test where that takes too long.
  template <typename Done>
  void run_until(Done done) {
    for (int turns = 0; !done() && turns < 5000; ++turns) step();
    REQUIRE(done());
  }
  void pass(Duration time);
  // The store gets on, but its answers are not heard.
  void let_store_work();
  // Short real times, so that tests that wait stay quick.
  static constexpr Duration kMoment = 60ms;

 protected:
  // Commits, and ends the queue.
  void close(std::unique_ptr<JobQueue> queue);

 private:
  void step();

  TestFolder folder_;
  net::UvRuntime runtime_{1};
};

class SqliteBed : public RealBed {
 public:
  explicit SqliteBed(const QueueLimits& limits = {}) {
    options_.path = file("jobs.db");
    options_.limits = limits;
    open();
  }
  ~SqliteBed() { close(); }

  RecordStore& queue() { return *queue_; }
  const std::string& path() const { return options_.path; }
  SqliteOptions& options() { return options_; }

  void close() { RealBed::close(std::move(queue_)); }
  void open();
  // The process ends and begins again.
  void restart() {
    close();
    open();
  }

 private:
  SqliteOptions options_;
  std::unique_ptr<RecordStore> queue_;
};

class MemoryBed {
 public:
  explicit MemoryBed(const QueueLimits& limits = {}) : queue_(SimQueue::make(runtime_, limits, 1)) {}

  net::Runtime& home() { return runtime_; }
  SimQueue& queue() { return *queue_; }
  void restart() { queue_->crash(); }
  template <typename Done>
  void run_until(Done done) {
    for (int events = 0; !done() && events < 100'000; ++events) REQUIRE(runtime_.run_one());
    REQUIRE(done());
  }
  void pass(Duration time) { runtime_.run_for(time); }
  void let_store_work() {}
  static constexpr Duration kMoment = 10s;

 private:
  net::SimRuntime runtime_{1};
  std::unique_ptr<SimQueue> queue_;
};

// Asks and waits: ask<Appended>(bed, [&](auto done) { return queue.append(home, draft, done); }).
template <typename T, typename Bed, typename Call>
Result<T> ask(Bed& bed, Call call) {
  std::optional<Result<T>> answer;
  const OperationPtr operation = call([&](Result<T> result) { answer.emplace(std::move(result)); });
  REQUIRE_MESSAGE(!answer, "a callback ran inside its call");
  bed.run_until([&] { return answer.has_value(); });
  return std::move(*answer);
}

JobDraft make_draft(net::Runtime& home, const std::string& body = "body");

// The calls of a queue, awaited.
template <typename Bed>
class Asker {
 public:
  explicit Asker(Bed& bed) : bed_(bed) {}
  Result<Appended> append(JobDraft draft) {
    return ask<Appended>(bed_, [&](auto done) { return bed_.queue().append(bed_.home(), std::move(draft), done); });
  }
  std::string append_new(const std::string& body = "body") {
    JobDraft draft = make_draft(bed_.home(), body);
    const std::string id = draft.id;
    REQUIRE(append(std::move(draft)).ok());
    return id;
  }
  Result<std::optional<ClaimedJob>> try_claim(Duration lease = 30s) {
    return ask<std::optional<ClaimedJob>>(bed_,
                                          [&](auto done) { return bed_.queue().claim(bed_.home(), lease, done); });
  }
  ClaimedJob claim(Duration lease = 30s) {
    auto job = try_claim(lease);
    REQUIRE(job.ok());
    REQUIRE(job->has_value());
    return std::move(**job);
  }
  bool nothing_to_claim() {
    const auto job = try_claim();
    REQUIRE(job.ok());
    return !job->has_value();
  }
  std::string body_of(const ClaimedJob& job);
  std::string body_of(net::BodyReader& reader);
  Status succeed(const ClaimedJob& job,
                 StoredResponse response = {200, {{"content-type", "text/plain"}}, {"answer", {}}}) {
    return ask<Ok>(bed_, [&](auto done) {
      return bed_.queue().succeed(bed_.home(), job, {bed_.home().wall_now(), 5ms, ""}, response, done);
    });
  }
  Status retry(const ClaimedJob& job, Duration wait, const std::string& error = "timeout") {
    const WallTime now = bed_.home().wall_now();
    return ask<Ok>(bed_, [&](auto done) {
      return bed_.queue().retry(bed_.home(), job, {now, 5ms, error}, now + wait, done);
    });
  }
  Status dead_letter(const ClaimedJob& job) {
    return ask<Ok>(bed_, [&](auto done) {
      return bed_.queue().dead_letter(bed_.home(), job, {bed_.home().wall_now(), 5ms, "503"}, done);
    });
  }
  Status release(const ClaimedJob& job, WallTime not_before = {}) {
    return ask<Ok>(bed_, [&](auto done) { return bed_.queue().release(bed_.home(), job, not_before, done); });
  }
  Status renew(const ClaimedJob& job, Duration lease) {
    return ask<Ok>(bed_, [&](auto done) { return bed_.queue().renew(bed_.home(), job, lease, done); });
  }
  Result<JobRecord> find(const std::string& id) {
    return ask<JobRecord>(bed_, [&](auto done) { return bed_.queue().find(bed_.home(), id, done); });
  }
  JobStatus status(const std::string& id) {
    const auto record = find(id);
    REQUIRE(record.ok());
    return record->status;
  }
  Result<ResultReader> result(const std::string& id) {
    return ask<ResultReader>(bed_, [&](auto done) { return bed_.queue().result(bed_.home(), id, done); });
  }
  Status cancel(const std::string& id) {
    return ask<Ok>(bed_, [&](auto done) { return bed_.queue().cancel(bed_.home(), id, done); });
  }
  Status purge(const std::string& id) {
    return ask<Ok>(bed_, [&](auto done) { return bed_.queue().purge(bed_.home(), id, done); });
  }
  Status replay(const std::string& id, bool force = false) {
    return ask<Ok>(bed_, [&](auto done) { return bed_.queue().replay(bed_.home(), id, force, done); });
  }
  Result<JobPage> list(const JobFilter& filter) {
    return ask<JobPage>(bed_, [&](auto done) { return bed_.queue().list(bed_.home(), filter, done); });
  }
  // Of a RecordStore.
  Status admit(const std::string& id) {
    return ask<Ok>(bed_, [&](auto done) { return bed_.queue().admit(bed_.home(), id, done); });
  }
  Result<ClaimedJob> claim_id(const std::string& id, Duration lease = 30s) {
    return ask<ClaimedJob>(bed_, [&](auto done) { return bed_.queue().claim_id(bed_.home(), id, lease, done); });
  }

 private:
  Bed& bed_;
};

template <typename Bed>
std::string Asker<Bed>::body_of(const ClaimedJob& job) {
  const auto reader = bed_.queue().open_body(bed_.home(), job);
  CHECK(reader->size() == job.body_size);
  return body_of(*reader);
}

template <typename Bed>
std::string Asker<Bed>::body_of(net::BodyReader& reader) {
  std::string bytes;
  while (bytes.size() < reader.size()) {
    const auto piece = ask<std::string>(bed_, [&](auto done) { return reader.read_at(bytes.size(), 50'000, done); });
    REQUIRE(piece.ok());
    REQUIRE(!piece->empty());
    bytes += *piece;
  }
  return bytes;
}

}  // namespace tidegate::jobs
