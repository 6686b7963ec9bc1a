// What tests of job queues share: the base of fixtures on real threads, and the calls of a queue, awaited. Each backend
// has its fixture in its own folder; every_queue.h names them all.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "jobs/job_queue.h"
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

// What the fixtures on real threads share: a loop that the test runs, and a folder.
class RealFixture {
 public:
  net::Runtime& home() { return runtime_; }
  std::string file(const std::string& name) const { return folder_.file(name); }
  // Runs the loop until `done`; fails the test where that takes too long.
  template <typename Done>
  void run_until(Done done) {
    for (int steps = 0; !done() && steps < 5000; ++steps) step();
    REQUIRE(done());
  }
  void pass(Duration time);
  // The store works on, but none of its callbacks runs.
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

// Asks and waits: ask<Appended>(fixture, [&](auto done) { return queue.append(home, draft, done); }).
template <typename T, typename Fixture, typename Call>
Result<T> ask(Fixture& fixture, Call call) {
  std::optional<Result<T>> answer;
  const OperationPtr operation = call([&](Result<T> result) { answer.emplace(std::move(result)); });
  REQUIRE_MESSAGE(!answer, "a callback ran inside its call");
  fixture.run_until([&] { return answer.has_value(); });
  return std::move(*answer);
}

// Returns when it is in the file.
template <typename Fixture>
void append_to(net::TempFile& file, Fixture& fixture, const std::string& bytes) {
  bool written = false;
  file.append(bytes, [&](const Status& status, const std::string&) { written = status.ok(); });
  fixture.run_until([&] { return written; });
}

JobDraft make_draft(net::Runtime& home, const std::string& body = "body");

// The calls of a queue, awaited.
template <typename Fixture>
class Asker {
 public:
  explicit Asker(Fixture& fixture) : fixture_(fixture) {}
  Result<Appended> append(JobDraft draft) {
    return ask<Appended>(fixture_,
                         [&](auto done) { return fixture_.queue().append(fixture_.home(), std::move(draft), done); });
  }
  std::string append_new(const std::string& body = "body") {
    JobDraft draft = make_draft(fixture_.home(), body);
    const std::string id = draft.id;
    REQUIRE(append(std::move(draft)).ok());
    return id;
  }
  Result<std::optional<ClaimedJob>> try_claim(Duration lease = 30s) {
    return ask<std::optional<ClaimedJob>>(
        fixture_, [&](auto done) { return fixture_.queue().claim(fixture_.home(), lease, done); });
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
    return ask<Ok>(fixture_, [&](auto done) {
      return fixture_.queue().succeed(fixture_.home(), job, {fixture_.home().wall_now(), 5ms, ""}, response, done);
    });
  }
  Status retry(const ClaimedJob& job, Duration wait, const std::string& error = "timeout") {
    const WallTime now = fixture_.home().wall_now();
    return ask<Ok>(fixture_, [&](auto done) {
      return fixture_.queue().retry(fixture_.home(), job, {now, 5ms, error}, now + wait, done);
    });
  }
  Status defer(const ClaimedJob& job, Duration wait, const std::string& error = "timeout") {
    const WallTime now = fixture_.home().wall_now();
    return ask<Ok>(fixture_, [&](auto done) {
      return fixture_.queue().defer(fixture_.home(), job, {now, 5ms, error}, now + wait, done);
    });
  }
  Status dead_letter(const ClaimedJob& job) {
    return ask<Ok>(fixture_, [&](auto done) {
      return fixture_.queue().dead_letter(fixture_.home(), job, {fixture_.home().wall_now(), 5ms, "503"}, done);
    });
  }
  Status release(const ClaimedJob& job, WallTime not_before = {}) {
    return ask<Ok>(fixture_,
                   [&](auto done) { return fixture_.queue().release(fixture_.home(), job, not_before, done); });
  }
  Status renew(const ClaimedJob& job, Duration lease) {
    return ask<Ok>(fixture_, [&](auto done) { return fixture_.queue().renew(fixture_.home(), job, lease, done); });
  }
  Result<JobRecord> find(const std::string& id) {
    return ask<JobRecord>(fixture_, [&](auto done) { return fixture_.queue().find(fixture_.home(), id, done); });
  }
  JobStatus status(const std::string& id) {
    const auto record = find(id);
    REQUIRE(record.ok());
    return record->status;
  }
  Result<ResultReader> result(const std::string& id) {
    return ask<ResultReader>(fixture_, [&](auto done) { return fixture_.queue().result(fixture_.home(), id, done); });
  }
  Status cancel(const std::string& id) {
    return ask<Ok>(fixture_, [&](auto done) { return fixture_.queue().cancel(fixture_.home(), id, done); });
  }
  Status purge(const std::string& id) {
    return ask<Ok>(fixture_, [&](auto done) { return fixture_.queue().purge(fixture_.home(), id, done); });
  }
  Status replay(const std::string& id, bool force = false) {
    return ask<Ok>(fixture_, [&](auto done) { return fixture_.queue().replay(fixture_.home(), id, force, done); });
  }
  Result<JobPage> list(const JobFilter& filter) {
    return ask<JobPage>(fixture_, [&](auto done) { return fixture_.queue().list(fixture_.home(), filter, done); });
  }
  // Of a RecordStore.
  Status admit(const std::string& id) {
    return ask<Ok>(fixture_, [&](auto done) { return fixture_.queue().admit(fixture_.home(), id, done); });
  }
  Result<ClaimedJob> claim_id(const std::string& id, Duration lease = 30s) {
    return ask<ClaimedJob>(fixture_,
                           [&](auto done) { return fixture_.queue().claim_id(fixture_.home(), id, lease, done); });
  }

 private:
  Fixture& fixture_;
};

template <typename Fixture>
std::string Asker<Fixture>::body_of(const ClaimedJob& job) {
  const auto reader = fixture_.queue().open_body(fixture_.home(), job);
  CHECK(reader->size() == job.body_size);
  return body_of(*reader);
}

template <typename Fixture>
std::string Asker<Fixture>::body_of(net::BodyReader& reader) {
  std::string bytes;
  while (bytes.size() < reader.size()) {
    const auto piece =
        ask<std::string>(fixture_, [&](auto done) { return reader.read_at(bytes.size(), 50'000, done); });
    REQUIRE(piece.ok());
    REQUIRE(!piece->empty());
    bytes += *piece;
  }
  return bytes;
}

}  // namespace tidegate::jobs
