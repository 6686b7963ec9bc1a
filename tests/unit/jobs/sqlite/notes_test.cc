// The notes beside the jobs.
#include <future>

#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

using Notes = std::map<std::string, std::string>;

const Notes& notes_of(SqliteFixture& fixture) { return fixture.queue().note_store()->notes(); }

}  // namespace

TEST_CASE("a note is there after a restart: the last text of its name, and nothing where that is empty") {
  SqliteFixture fixture;
  CHECK(notes_of(fixture).empty());
  NoteStore& notes = *fixture.queue().note_store();
  notes.write_note("a", "first");
  notes.write_note("a", "second: \xc3\xa9 'quoted'");
  notes.write_note("b", "gone");
  notes.write_note("b", "");
  notes.write_note("c", "");
  CHECK(notes.notes().empty());
  fixture.restart();
  CHECK(notes_of(fixture) == Notes{{"a", "second: \xc3\xa9 'quoted'"}});
}

TEST_CASE("who writes a note is told when it is durable") {
  SqliteFixture fixture;
  std::promise<void> written;
  fixture.queue().note_store()->write_note("a", "text", [&] { written.set_value(); });
  REQUIRE(written.get_future().wait_for(60s) == std::future_status::ready);
  SqliteDb other(fixture.path(), "");  // as a process that reads the file after a crash
  Query query(other, "SELECT text FROM notes WHERE name = 'a'");
  REQUIRE(query.step());
  CHECK(query.text(0) == "text");
}

TEST_CASE("a file of a version without notes is used, and gets them") {
  SqliteFixture fixture;
  fixture.close();
  SqliteDb(fixture.path(), "").exec("DROP TABLE notes");
  fixture.open();
  CHECK(notes_of(fixture).empty());
  fixture.queue().note_store()->write_note("a", "text");
  fixture.restart();
  CHECK(notes_of(fixture) == Notes{{"a", "text"}});
}

}  // namespace tidegate::jobs
