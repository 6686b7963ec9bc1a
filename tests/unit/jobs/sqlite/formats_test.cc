// Files of older formats are brought up to date.
#include "base/crc32c.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/db/db.h"
#include "jobs/sqlite/stored_body.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

void drop_fourth_format(const std::string& path) {
  SqliteDb(path, "").exec(
      "DROP TABLE body_files; DROP TABLE chunks; DROP TABLE unowned; ALTER TABLE jobs DROP COLUMN chunks");
}

void drop_third_format(const std::string& path) {
  drop_fourth_format(path);
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

TEST_CASE(
    "in a file of the third format a large body is one value; it is replayed whole, and its result is in chunks") {
  SqliteFixture fixture;
  Asker asker(fixture);
  const JobDraft draft = make_draft(fixture.home(), "small");
  REQUIRE(asker.append(draft).ok());
  fixture.close();
  const std::string body(3 * kChunkBytes + 5, 'b');
  const uint32_t crc =
      crc32c(body, job_head_crc(draft.id, draft.route, draft.method, draft.target, encode_fields(draft.fields),
                                draft.created_at.time_since_epoch().count()));
  {
    SqliteDb db(fixture.path(), "");
    Query(db, "UPDATE bodies SET bytes = ?", Blob{body}).run();
    Query(db, "UPDATE jobs SET body_size = ?, crc = ?", static_cast<uint64_t>(body.size()), crc).run();
  }
  drop_fourth_format(fixture.path());
  SqliteDb(fixture.path(), "").exec("PRAGMA user_version=3");
  fixture.open();
  CHECK(fixture.queue().view().bytes == body.size());
  const ClaimedJob job = asker.claim();
  CHECK(asker.body_of(job) == body);
  REQUIRE(asker.succeed(job, {200, {}, {body, {}}}).ok());
  fixture.restart();
  CHECK(asker.body_of(*asker.result(draft.id)->body) == body);
  REQUIRE(asker.purge(draft.id).ok());
  fixture.run_until([&] { return fixture.queue().view().bytes == 0; });
}

TEST_CASE(
    "in a file of the fourth format large bodies are in the database; they are replayed, and new ones have files") {
  SqliteFixture fixture;
  Asker asker(fixture);
  const std::string body(5 << 20, 'b');
  fixture.close();
  fixture.options().body_file_min = ~uint64_t{0};
  fixture.open();
  const std::string old = asker.append_new(body);
  fixture.close();
  SqliteDb(fixture.path(), "").exec("DROP TABLE body_files; PRAGMA user_version=4");
  fixture.options().body_file_min = SqliteOptions{}.body_file_min;
  fixture.open();
  CHECK(SqliteDb(fixture.path(), "").value_of("PRAGMA user_version") == "5");
  const std::string next = asker.append_new(body);
  CHECK(SqliteDb(fixture.path(), "").value_of("SELECT count(*) FROM chunks") == "20");
  CHECK(SqliteDb(fixture.path(), "").value_of("SELECT count(*) FROM body_files") == "1");
  for (const std::string& id : {old, next}) {
    const ClaimedJob job = asker.claim();
    CHECK(job.id == id);
    CHECK(asker.body_of(job) == body);
  }
}

}  // namespace tidegate::jobs
