// The job queue on Redis while its server is killed, stopped, read-only, full, or not to be trusted.
#include <set>

#include "unit/jobs/redis/fixture.h"

namespace tidegate::jobs {

namespace {

using test::RedisServer;

bool is_in_doubt(const Error& error) { return error.code == ErrorCode::unavailable; }

bool says(const QueueView& view, const std::string& words) {
  return view.why_unavailable.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a Redis that is killed in the middle of work loses nothing that was acknowledged") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true});
  RedisFixture fixture(server);
  Asker asker(fixture);
  std::set<std::string> promised;
  for (int round = 0; round < 3; ++round) {
    std::vector<OperationPtr> operations;
    size_t answered = 0;
    for (int i = 0; i < 40; ++i) {
      JobDraft draft = make_draft(fixture.home(), "body of " + std::to_string(i));
      const std::string id = draft.id;
      operations.push_back(
          fixture.queue().append(fixture.home(), std::move(draft), [&, id](const Result<Appended>& appended) {
            ++answered;
            if (appended.ok()) promised.insert(id);
          }));
    }
    fixture.run_until([&] { return answered > 5; });
    server.kill();
    fixture.run_until([&] { return answered == operations.size(); });
    fixture.until_unavailable();
    server.start();
    fixture.until_available();
  }
  CHECK(promised.size() > 15);
  std::set<std::string> handed_out;
  while (const auto job = *asker.try_claim()) {
    CHECK(asker.body_of(*job).substr(0, 8) == "body of ");
    CHECK(handed_out.insert(job->id).second);
    CHECK(asker.succeed(*job).ok());
  }
  for (const std::string& id : promised) CHECK(handed_out.count(id) == 1);
}

TEST_CASE("calls to a Redis that hangs end within the bound, and what it does too late is void") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true});
  RedisFixture fixture(server);
  fixture.options().command_timeout = 300ms;
  fixture.restart();
  Asker asker(fixture);
  const std::string waiting = asker.append_new("waiting");
  server.pause();
  const JobDraft late = make_draft(fixture.home());
  std::optional<Result<Appended>> appended;
  std::optional<Result<std::optional<ClaimedJob>>> claimed;
  const auto append =
      fixture.queue().append(fixture.home(), late, [&](auto result) { appended.emplace(std::move(result)); });
  const auto claim =
      fixture.queue().claim(fixture.home(), 1h, [&](auto result) { claimed.emplace(std::move(result)); });
  fixture.run_until([&] { return appended && claimed; });
  REQUIRE(!appended->ok());
  CHECK(is_in_doubt(appended->error()));
  REQUIRE(!claimed->ok());
  fixture.until_unavailable();
  CHECK(is_in_doubt(asker.append(make_draft(fixture.home())).error()));
  server.resume();
  fixture.until_available();
  // The append was refused or undone; the claim was refused or given back, and counts for nothing.
  fixture.run_until([&] {
    const auto record = asker.find(late.id);
    return !record.ok() || record->status == JobStatus::cancelled;
  });
  const ClaimedJob job = asker.claim();
  CHECK(job.id == waiting);
  CHECK(job.attempt == 1);
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("where failed appends are not undone, an id that is appended again is there once") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true});
  RedisFixture fixture(server);
  fixture.options().command_timeout = 300ms;
  fixture.options().undo_failed_appends = false;
  fixture.restart();
  Asker asker(fixture);
  server.pause();
  const JobDraft draft = make_draft(fixture.home(), "once");
  CHECK(is_in_doubt(asker.append(draft).error()));
  server.resume();
  fixture.until_available();
  const auto again = asker.append(draft);
  CHECK((again.ok() || again.error().code == ErrorCode::conflict));
  const ClaimedJob job = asker.claim();
  CHECK(job.id == draft.id);
  CHECK(asker.body_of(job) == "once");
  CHECK(asker.nothing_to_claim());
}

TEST_CASE("a server that does not fsync what it acknowledges is not taken for durable, until it does") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true, .append_fsync = "everysec"});
  RedisServer trusted({.append_only = true});
  RedisFixture fixture(trusted);
  fixture.close();
  fixture.options().address = server.address();
  fixture.open_anyway();
  Asker asker(fixture);
  fixture.run_until([&] { return says(fixture.queue().view(), "appendfsync"); });
  CHECK(!fixture.queue().view().available);
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  server.ask({"CONFIG", "SET", "appendfsync", "always"});
  fixture.until_available();
  asker.append_new();
  server.ask({"CONFIG", "SET", "maxmemory", "1gb"});
  server.ask({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  fixture.until_unavailable();
  CHECK(says(fixture.queue().view(), "maxmemory-policy"));
  server.ask({"CONFIG", "SET", "maxmemory-policy", "volatile-lru"});
  fixture.until_available();
  server.ask({"CONFIG", "SET", "appendonly", "no"});
  fixture.until_unavailable();
  fixture.close();
  fixture.options().strict = false;  // the operator's word
  fixture.open();
  asker.append_new();
}

TEST_CASE("a server whose settings may not be read is not taken for durable") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true, .more = {"--rename-command", "CONFIG", ""}});
  RedisServer trusted({.append_only = true});
  RedisFixture fixture(trusted);
  fixture.close();
  fixture.options().address = server.address();
  fixture.open_anyway();
  fixture.run_until([&] { return says(fixture.queue().view(), "CONFIG GET"); });
  CHECK(!fixture.queue().view().available);
}

TEST_CASE("a server that refuses writes makes the queue unavailable with its own reason, and is checked again") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true});
  RedisFixture fixture(server);
  Asker asker(fixture);
  const std::string id = asker.append_new();
  server.ask({"CONFIG", "SET", "min-replicas-to-write", "1"});
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  CHECK(says(fixture.queue().view(), "NOREPLICAS"));
  server.ask({"CONFIG", "SET", "min-replicas-to-write", "0"});
  fixture.until_available();
  CHECK(asker.claim().id == id);
  RedisServer other({.append_only = true});
  server.ask({"REPLICAOF", "127.0.0.1", std::to_string(other.port())});
  fixture.run_until([&] { return !asker.append(make_draft(fixture.home())).ok(); });
  fixture.until_unavailable();
  server.ask({"REPLICAOF", "NO", "ONE"});
  fixture.until_available();
}

TEST_CASE("a server out of memory takes nothing more, but its jobs can be run") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true, .more = {"--maxmemory-policy", "noeviction"}});
  RedisFixture fixture(server);
  Asker asker(fixture);
  const std::string id = asker.append_new(std::string(100'000, 'x'));
  server.ask({"CONFIG", "SET", "maxmemory", "1mb"});
  const auto refused = asker.append(make_draft(fixture.home()));
  REQUIRE(!refused.ok());
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(says(fixture.queue().view(), "OOM"));
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(asker.body_of(job).size() == 100'000);
  CHECK(asker.succeed(job).ok());
  CHECK(!fixture.queue().view().available);
  server.ask({"CONFIG", "SET", "maxmemory", "0"});
  fixture.until_available();
  asker.append_new();
}

TEST_CASE("a queue opens without its server, and is available when the server is") {
  NEEDS_REDIS();
  RedisServer server({.append_only = true});
  RedisFixture fixture(server);
  Asker asker(fixture);
  const std::string id = asker.append_new();
  fixture.close();
  server.stop();
  fixture.open_anyway();
  CHECK(!fixture.queue().view().available);
  CHECK(asker.append(make_draft(fixture.home())).error().code == ErrorCode::unavailable);
  server.start();
  fixture.until_available();
  CHECK(asker.claim().id == id);
}

}  // namespace tidegate::jobs
