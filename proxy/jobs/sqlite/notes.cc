#include "jobs/sqlite/operations.h"

namespace tidegate::jobs {

std::map<std::string, std::string> read_notes(SqliteStore& store) {
  std::map<std::string, std::string> notes;
  Query query(store.db(), "SELECT name, text FROM notes");
  while (query.step()) notes[query.text(0)] = query.text(1);
  return notes;
}

Status set_note(SqliteStore& store, const std::string& name, const std::string& text) {
  if (text.empty()) {
    Query(store.db(), "DELETE FROM notes WHERE name = ?", name).run();
  } else {
    Query(store.db(), "INSERT OR REPLACE INTO notes (name, text) VALUES (?, ?)", name, text).run();
  }
  return Ok{};
}

}  // namespace tidegate::jobs
