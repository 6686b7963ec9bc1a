// Where the database is another one, or has lost something, the files of bodies that it does not name are kept.
#include <functional>

#include "unit/jobs/sqlite/body_fixture.h"
#include "unit/jobs/sqlite/killed.h"

namespace tidegate::jobs {

namespace {

// A store with two large bodies, closed, whose database something happens to.
void check_kept(const std::string& what, const std::function<void(const std::string& path)>& happen, bool missing) {
  INFO(what);
  BodyFixture fixture;
  Asker asker(fixture);
  for (int i = 0; i < 2; ++i) asker.append_new(large_bytes(kMiB));
  const auto before = fixture.files();
  fixture.close();
  happen(fixture.path());
  LogLines log;
  fixture.open();
  CHECK(fixture.queue().view().available);
  CHECK((fixture.queue().view().missing.reason != "") == missing);
  CHECK(log.said("body_files_unknown") == 1);
  for (const std::string& name : before) CHECK(log.said(name) == 1);
  const std::string id = asker.append_new(large_bytes(kMiB + 1));
  CHECK(fixture.files().size() == 3);
  REQUIRE(asker.cancel(id).ok());
  fixture.await_bytes_swept(0);
  fixture.restart();
  CHECK(log.said("body_files_unknown") == 2);
  CHECK(fixture.files() == before);
  for (const std::string& name : before) CHECK(bytes_in(fixture.path_of(name)) == large_bytes(kMiB));
}

void remove_companions(const std::string& path) {
  for (const char* end : {"-wal", "-shm", ".mark"}) std::filesystem::remove(path + end);
}

// As a copy that was made while both were being written.
void make_unfinished(const std::string& path) {
  SqliteDb(path, "").exec(
      "PRAGMA journal_mode=DELETE; INSERT INTO unowned SELECT owner, 1048576 FROM body_files;"
      "UPDATE body_files SET crcs = x''; DELETE FROM jobs");
}

}  // namespace

TEST_CASE("files that the database does not know, since it is another one, are reported once at an opening, and kept") {
  check_kept(
      "the database is missing",
      [](const std::string& path) {
        std::filesystem::remove(path);
        remove_companions(path);
      },
      false);
  check_kept(
      "the database is missing, but not its mark", [](const std::string& path) { std::filesystem::remove(path); },
      true);
  check_kept(
      "the database is empty", [](const std::string& path) { put_bytes(path, ""); }, true);
  check_kept(
      "the database is another one",
      [](const std::string& path) {
        SqliteFixture other;
        Asker asker(other);
        REQUIRE(asker.cancel(asker.append_new()).ok());
        other.close();
        remove_companions(path);
        std::filesystem::copy_file(other.path(), path, std::filesystem::copy_options::overwrite_existing);
      },
      false);
  check_kept(
      "the database is of an earlier time",
      [](const std::string& path) {
        make_unfinished(path);
        remove_companions(path);
      },
      false);
  check_kept("the database is of an earlier time, beside the mark of now", &make_unfinished, true);
}

TEST_CASE("a file that belongs to a job whose commit is lost with the end of the WAL is kept") {
  BodyFixture alive;
  Asker asker(alive);
  asker.append_new(large_bytes(kMiB));
  const std::string copy = alive.file("killed");
  std::filesystem::create_directories(copy + "/jobs.db-bodies");
  for (const char* end : {"", "-wal", ".mark"}) std::filesystem::copy_file(alive.path() + end, copy + "/jobs.db" + end);
  const std::string body = copy + "/jobs.db-bodies/" + *alive.files().begin();
  std::filesystem::copy_file(alive.file_of_body(), body);
  std::filesystem::resize_file(copy + "/jobs.db-wal", std::filesystem::file_size(copy + "/jobs.db-wal") - 100);
  alive.close();
  alive.options().path = copy + "/jobs.db";
  LogLines log;
  alive.open();
  CHECK(alive.queue().view().missing.commits == 1);
  CHECK(log.said("body_files_unknown") == 1);
  CHECK(alive.bytes() == 0);
  CHECK(alive.rows("unowned") == 0);
  alive.restart();
  CHECK(bytes_in(body) == large_bytes(kMiB));
}

TEST_CASE("what does not look like a body's file is left alone, and counts for nothing") {
  BodyFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(kMiB));
  fixture.close();
  for (const char* name : {"lost+found", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789ABCDEF", ".x"}) {
    put_bytes(fixture.path_of(name), "not a body");
  }
  LogLines log;
  fixture.open();
  CHECK(log.said("body_files_unknown") == 0);
  CHECK(fixture.files().size() == 5);
}

TEST_CASE("a folder of bodies that cannot be read is reported with its reason, and small jobs run on") {
  BodyFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(kMiB));
  const std::string small = asker.append_new();
  fixture.close();
  const std::string folder = fixture.path() + "-bodies";
  std::filesystem::rename(folder, fixture.file("elsewhere"));
  put_bytes(folder, "a file");
  LogLines log;
  fixture.open();
  CHECK(log.said("Not a directory") >= 1);
  CHECK(log.said("body_files_missing") == 1);
  CHECK(asker.claim().id == small);
}

TEST_CASE("beside a damaged database, and one that another process has, no file is touched") {
  BodyFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(kMiB));
  CHECK(open_sqlite_queue(fixture.options()).error().code == ErrorCode::conflict);
  const std::string file = fixture.file_of_body();
  fixture.close();
  const std::string database = bytes_in(fixture.path());
  put_bytes(fixture.path(), std::string(5000, 'x'));
  fixture.open();
  CHECK(!fixture.queue().view().available);
  CHECK(bytes_in(file) == large_bytes(kMiB));
  fixture.close();
  put_bytes(fixture.path(), database);
  fixture.open();
  CHECK(asker.body_of(asker.claim()) == large_bytes(kMiB));
}

TEST_CASE("where an older page says that a job's file is nobody's, the job has it") {
  BodyFixture fixture;
  Asker asker(fixture);
  const std::string id = asker.append_new(large_bytes(kMiB));
  fixture.close();
  // As pages of two times are mixed by a WAL that is damaged before the end of a partial checkpoint.
  fixture.change("INSERT INTO unowned SELECT owner, 1048576 FROM body_files");
  fixture.open();
  CHECK(fixture.bytes() == kMiB);
  fixture.queue().tidy(fixture.home());
  const ClaimedJob job = asker.claim();
  CHECK(job.id == id);
  CHECK(asker.body_of(job) == large_bytes(kMiB));
  REQUIRE(asker.succeed(job).ok());
  fixture.await_bytes_swept(6);
  CHECK(fixture.files().empty());
}

TEST_CASE("rows of files that no job has name nothing: the files are reported, and kept") {
  BodyFixture fixture;
  Asker asker(fixture);
  asker.append_new(large_bytes(kMiB));
  fixture.close();
  fixture.change("DELETE FROM jobs");
  std::filesystem::remove(fixture.path() + ".mark");
  LogLines log;
  fixture.open();
  CHECK(log.said("body_files_unknown") == 1);
  CHECK(fixture.rows("body_files") == 0);
  CHECK(fixture.files().size() == 1);
}

namespace {

// The first job is gone, another one with a file is there.
Status replace_job(BodyFixture& fixture, const std::string& first) {
  fixture.open();
  Asker asker(fixture);
  if (Status cancelled = asker.cancel(first); !cancelled) return cancelled;
  if (Status purged = asker.purge(first); !purged) return purged;
  fixture.await_no_files();
  asker.append_new(large_bytes(kMiB));
  return Ok{};
}

std::string only_file(BodyFixture& fixture) { return std::filesystem::path(fixture.file_of_body()).filename(); }

}  // namespace

TEST_CASE(
    "an older copy of the database with as many jobs, beside the mark of now, deletes no file of the jobs of now") {
  BodyFixture fixture;
  Asker asker(fixture);
  const std::string first = asker.append_new(large_bytes(kMiB));
  fixture.close();
  // A copy from while a second body was being written.
  const std::string copy = fixture.file("copy");
  std::filesystem::copy_file(fixture.path(), copy);
  REQUIRE(replace_job(fixture, first).ok());
  const std::string second_name = only_file(fixture);
  fixture.close();
  {
    SqliteDb db(copy, "");
    db.exec("PRAGMA journal_mode=DELETE");
    Query(db, "INSERT INTO body_files VALUES (900, ?, x'')", second_name).run();
    Query(db, "INSERT INTO unowned VALUES (900, 1048576)").run();
  }
  std::filesystem::copy_file(copy, fixture.path(), std::filesystem::copy_options::overwrite_existing);
  fixture.open();
  CHECK(fixture.queue().view().missing.reason == "");
  fixture.await_bytes_swept(kMiB);
  CHECK(bytes_in(fixture.path_of(second_name)) == large_bytes(kMiB));
}

}  // namespace tidegate::jobs
