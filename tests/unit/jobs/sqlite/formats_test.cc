// Files of older formats are brought up to date.
#include "jobs/sqlite/db.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

void drop_third_format(const std::string& path) {
  SqliteDb(path, "").exec(
      "ALTER TABLE jobs DROP COLUMN deferrals; ALTER TABLE jobs DROP COLUMN attempted_at;"
      "ALTER TABLE jobs DROP COLUMN lost; ALTER TABLE attempts DROP COLUMN deferrals");
}

}  // namespace

TEST_CASE("a file of the first format is brought up to date, and its jobs are there") {
  SqliteFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("of old");
  fixture.close();
  SqliteDb(fixture.path(), "")
      .exec(
          "DROP INDEX jobs_key; DROP INDEX jobs_accepting; ALTER TABLE jobs DROP COLUMN body_ref;"
          "ALTER TABLE jobs DROP COLUMN dedupe_key; ALTER TABLE jobs DROP COLUMN fingerprint;"
          "ALTER TABLE jobs DROP COLUMN replays; ALTER TABLE jobs DROP COLUMN external; PRAGMA user_version=1");
  drop_third_format(fixture.path());
  fixture.open();
  JobDraft keyed = make_draft(fixture.home());
  keyed.dedupe_key = "key";
  REQUIRE(asker.append(keyed).ok());
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(asker.body_of(job) == "of old");
  CHECK(asker.append(keyed).error().code == ErrorCode::conflict);
  keyed.id = to_hex(fixture.home().random_id());
  CHECK(asker.append(keyed)->existing);
}

TEST_CASE("in a file of the second format no job has deferrals, and each can be deferred") {
  SqliteFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new("of old");
  REQUIRE(asker.retry(asker.claim(), Duration(0), "503").ok());
  fixture.close();
  drop_third_format(fixture.path());
  SqliteDb(fixture.path(), "").exec("PRAGMA user_version=2");
  fixture.open();
  CHECK(asker.find(id)->deferrals == 0);
  CHECK(asker.find(id)->history.at(0).deferrals == 0);
  const ClaimedJob job = asker.claim();
  CHECK(job.attempt == 2);
  CHECK(job.deferrals == 0);
  CHECK(job.attempted_at == WallTime{});
  REQUIRE(asker.defer(job, 1h).ok());
  CHECK(asker.find(id)->attempt == 1);
  CHECK(asker.find(id)->deferrals == 1);
}

}  // namespace tidegate::jobs
