// Files of bodies that are damaged, missing or cannot be read: nothing wrong is delivered, nothing is lost in silence,
// and no other job is held up.
#include <functional>

#include "unit/jobs/sqlite/bare_store.h"
#include "unit/jobs/sqlite/body_fixture.h"
#include "unit/jobs/sqlite/killed.h"
#include "unit/jobs/sqlite/nth_fault.h"

namespace tidegate::jobs {

namespace {

struct BodyDamage {
  const char* name;
  std::function<void(const std::string& path)> make;
};

// All of them reach chunk 3.
const BodyDamage kBodyDamages[] = {
    {"empty", [](const std::string& path) { std::filesystem::resize_file(path, 0); }},
    {"cut short", [](const std::string& path) { std::filesystem::resize_file(path, 3 * kChunkBytes + 5); }},
    {"cut short, and grown again",
     [](const std::string& path) {
       std::filesystem::resize_file(path, 3 * kChunkBytes + 5);
       std::filesystem::resize_file(path, 2 * kMiB);
     }},
    {"a flipped bit",
     [](const std::string& path) {
       std::string bytes = bytes_in(path);
       bytes[3 * kChunkBytes + 100] ^= 4;
       put_bytes(path, bytes);
     }},
    {"moved by a byte", [](const std::string& path) { put_bytes(path, bytes_in(path).substr(1)); }},
    {"another body", [](const std::string& path) { put_bytes(path, std::string(2 * kMiB, 'x')); }},
};

}  // namespace

TEST_CASE("a body's file that is damaged is never delivered: the job becomes a dead letter, others run on") {
  for (const BodyDamage& damage : kBodyDamages) {
    INFO(std::string(damage.name));
    BodyFixture fixture;
    Asker asker(fixture);
    const std::string id = asker.append_new(large_bytes(2 * kMiB));
    fixture.close();
    damage.make(fixture.file_of_body());
    fixture.open();
    const ClaimedJob job = asker.claim();
    CHECK(!read_all(fixture, *fixture.queue().open_body(fixture.home(), job)));
    CHECK(asker.status(id) == JobStatus::dead);
    CHECK(asker.find(id)->last_error == "damaged_record");
    CHECK(fixture.queue().view().damaged_total == 1);
    CHECK(asker.succeed(job).error().code == ErrorCode::conflict);
    REQUIRE(asker.purge(id).ok());
    fixture.await_no_files();
    asker.append_new(large_bytes(2 * kMiB));
    CHECK(asker.body_of(asker.claim()) == large_bytes(2 * kMiB));
  }
}

TEST_CASE("a result's file that is damaged is not returned whole, and the log says so") {
  for (const BodyDamage& damage : kBodyDamages) {
    INFO(std::string(damage.name));
    BodyFixture fixture;
    Asker asker(fixture);
    const std::string id = asker.append_new();
    REQUIRE(asker.succeed(asker.claim(), {200, {}, in_file(large_bytes(2 * kMiB))}).ok());
    fixture.close();
    damage.make(fixture.file_of_body());
    fixture.open();
    const auto result = asker.result(id);
    REQUIRE(result.ok());
    LogLines log;
    CHECK(!read_all(fixture, *result->body));
    CHECK(log.said("result_damaged") + log.said("job_damaged") == 1);
    CHECK(fixture.queue().view().available);
  }
}

TEST_CASE("a result whose file is missing is refused before it begins, and the log says so") {
  BodyFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new();
  REQUIRE(asker.succeed(asker.claim(), {200, {}, in_file(large_bytes(2 * kMiB))}).ok());
  std::filesystem::remove(fixture.file_of_body());
  LogLines log;
  CHECK(asker.result(id).error().code == ErrorCode::unavailable);
  CHECK(log.said("result_unreadable") == 1);
}

TEST_CASE("checksums of a body that are damaged or missing make it damaged") {
  for (const char* damage :
       {"UPDATE body_files SET crcs = x'00' || substr(crcs, 2)", "UPDATE body_files SET crcs = substr(crcs, 1, 3)",
        "UPDATE body_files SET owner = owner + 1000"}) {
    BodyFixture fixture;
    Asker asker(fixture);
    const std::string id = asker.append_new(large_bytes(2 * kMiB));
    fixture.close();
    fixture.change(damage);
    fixture.open();
    CHECK(!read_all(fixture, *fixture.queue().open_body(fixture.home(), asker.claim())));
    CHECK(asker.find(id)->last_error == "damaged_record");
  }
}

TEST_CASE("the files of two bodies that have changed places are both damaged") {
  BodyFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(kMiB));
  asker.append_new(std::string(kMiB, 'x'));
  fixture.close();
  const auto files = fixture.files();
  REQUIRE(files.size() == 2);
  const std::string one = fixture.path_of(*files.begin()), two = fixture.path_of(*files.rbegin());
  std::filesystem::rename(one, one + ".x");
  std::filesystem::rename(two, one);
  std::filesystem::rename(one + ".x", two);
  fixture.open();
  for (int i = 0; i < 2; ++i) {
    const ClaimedJob job = asker.claim();
    CHECK(!read_all(fixture, *fixture.queue().open_body(fixture.home(), job)));
    CHECK(asker.status(job.id) == JobStatus::dead);
  }
}

TEST_CASE(
    "a job whose file is missing is reported at the opening and set aside; others run, and it does once the file is "
    "back") {
  BodyFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new(large_bytes(kMiB));
  const std::string small = asker.append_new();
  fixture.close();
  const std::string path = fixture.file_of_body();
  std::filesystem::rename(path, fixture.file("elsewhere"));
  LogLines log;
  fixture.open();
  CHECK(log.said("body_files_missing") == 1);
  CHECK(asker.claim().id == small);
  CHECK(asker.nothing_to_claim());
  CHECK(log.said("job_set_aside") == 1);
  const auto record = asker.find(id);
  CHECK(record->status == JobStatus::queued);
  CHECK(record->attempt == 0);
  std::filesystem::rename(fixture.file("elsewhere"), path);
  fixture.close();
  fixture.change("UPDATE jobs SET due_at = 0 WHERE status = 0");  // a minute later
  fixture.open();
  CHECK(log.said("body_files_missing") == 1);
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(asker.body_of(job) == large_bytes(kMiB));
}

TEST_CASE("a body's file that cannot be read now sets its job aside: it is neither damaged nor an attempt more") {
  for (const DiskStep step : {DiskStep::open, DiskStep::read}) {
    BodyFixture fixture(NthFaultDisk::the().name());
    Asker asker(fixture);
    const std::string id = asker.append_new(large_bytes(2 * kMiB));
    const ClaimedJob job = asker.claim();
    const auto reader = fixture.queue().open_body(fixture.home(), job);
    NthFaultDisk::the().arm({DiskFile::body, step});
    const auto piece = ask<std::string>(fixture, [&](auto done) { return reader->read_at(0, 60'000, done); });
    CHECK(NthFaultDisk::the().disarm());
    REQUIRE(!piece);
    CHECK(piece.error().code == ErrorCode::unavailable);
    CHECK(asker.status(id) == JobStatus::queued);
    CHECK(asker.find(id)->attempt == 0);
    CHECK(fixture.queue().view().damaged_total == 0);
    CHECK(fixture.queue().view().available);
    CHECK(asker.succeed(job).error().code == ErrorCode::conflict);
    CHECK(asker.nothing_to_claim());
  }
}

namespace {

constexpr uint64_t kBareBytes = 3 * kMiB + 5;

std::string append_in_file(BareStore& store) {
  JobDraft draft = large_draft(store.home(), large_bytes(kBareBytes));
  draft.created_at = store.noon();
  draft.expires_at = store.noon() + 24h;
  const auto shared = std::make_shared<const JobDraft>(std::move(draft));
  LargeAppend append(shared, store.noon());
  for (;;) {
    const auto ended = store.change([&](SqliteStore& s) { return append.step(s); });
    if (!ended) continue;
    REQUIRE(ended->ok());
    return shared->id;
  }
}

}  // namespace

TEST_CASE(
    "a job whose file stays missing is a dead letter after it was set aside ten times, and can be replayed then") {
  BareStore store(BodyFixture::kFileMin);
  const std::string id = append_in_file(store);
  const std::string path = store.path() + "-bodies/" + *body_files_of(store.path()).begin();
  const std::string bytes = bytes_in(path);
  std::filesystem::remove(path);
  put_bytes(store.path() + "-bodies/another", "so that it is not the folder that is missing");
  WallTime now = store.noon();
  const auto status = [&] { return store.change([&](SqliteStore& s) { return find_job(s, id, now); })->status; };
  for (int i = 0; i < 10; ++i, now += 60s) {
    CHECK(store.claimed(now) == "");
    CHECK(status() == JobStatus::queued);
    CHECK(store.claimed(now + 59s) == "");
  }
  CHECK(store.claimed(now) == "");
  CHECK(status() == JobStatus::dead);
  put_bytes(path, bytes);
  REQUIRE(store.change([&](SqliteStore& s) { return replay_job(s, id, false, now); }).ok());
  CHECK(store.claimed(now) == id);
}

TEST_CASE(
    "jobs of which all files are missing, as of a disk that is not mounted, are set aside for as long as it takes") {
  BareStore store(BodyFixture::kFileMin);
  const std::string id = append_in_file(store);
  std::filesystem::rename(store.path() + "-bodies", store.path() + "-elsewhere");
  WallTime now = store.noon();
  LogLines log;
  for (int i = 0; i < 50; ++i, now += 60s) CHECK(store.claimed(now) == "");
  CHECK(log.said("job_set_aside") == 1);
  std::filesystem::rename(store.path() + "-elsewhere", store.path() + "-bodies");
  CHECK(store.claimed(now) == id);
}

TEST_CASE("a job that is set aside when its lease has run out has lost an attempt, as one that is claimed again") {
  BareStore store(BodyFixture::kFileMin);
  const std::string id = append_in_file(store);
  REQUIRE(store.claimed(store.noon()) == id);
  std::filesystem::rename(store.path() + "-bodies", store.path() + "-elsewhere");
  WallTime now = store.noon() + BareStore::kLease + 1s;
  CHECK(store.claimed(now) == "");
  const auto record = store.change([&](SqliteStore& s) { return find_job(s, id, now); });
  CHECK(record->status == JobStatus::queued);
  CHECK(record->history.back().error == "lease_lost");
  std::filesystem::rename(store.path() + "-elsewhere", store.path() + "-bodies");
  now += 60s;
  const auto job = store.claim(now);
  REQUIRE(job);
  CHECK(job->attempt == 2);
  REQUIRE(store.change([&](SqliteStore& s) { return defer_job(s, *job, {now, 1ms, "503"}, now); }).ok());
  CHECK(store.claim(now)->attempt == 1);  // neither the lost attempt nor the deferral counts
}

}  // namespace tidegate::jobs
