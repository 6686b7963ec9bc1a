#include "jobs/sqlite/body_report.h"

#include <set>
#include <string>
#include <utility>

namespace tidegate::jobs {

namespace {

#define TG_OF_JOBS "(SELECT chunks FROM jobs WHERE chunks <> 0)"
#define TG_UNOWNED "(SELECT owner FROM unowned)"

}  // namespace

bool repair_body_rows(SqliteStore& store, bool trusted) {
  if (store.db().value_of("SELECT (SELECT count(*) FROM body_files) + (SELECT count(*) FROM unowned)") == "0") {
    return false;
  }
  sqlite3* db = store.db().handle();
  store.begin();
  const int before = sqlite3_total_changes(db);
  Query(store.db(), "DELETE FROM unowned WHERE owner IN " TG_OF_JOBS).run();
  if (!trusted) Query(store.db(), "DELETE FROM unowned WHERE owner IN (SELECT owner FROM body_files)").run();
  Query(store.db(), "DELETE FROM body_files WHERE owner NOT IN " TG_OF_JOBS " AND owner NOT IN " TG_UNOWNED).run();
  const bool changed = sqlite3_total_changes(db) != before;
  store.commit();
  return changed;
}

void report_body_files(SqliteStore& store, SqliteFindings& findings) {
  BodyFileFindings found;
  auto there = store.body_files().names();
  if (!there) found.reason = there.error().message;
  std::set<std::string> unknown = there ? std::move(*there) : std::set<std::string>();
  Query rows(store.db(), "SELECT name, length(crcs) > 0 AND owner NOT IN (SELECT owner FROM unowned) FROM body_files");
  while (rows.step()) {
    const bool is_there = unknown.erase(rows.text(0)) > 0;
    if (!is_there && rows.integer(1) != 0) found.missing.insert(rows.text(0));
  }
  found.unknown = std::move(unknown);
  findings.report(store.body_files().folder(), std::move(found));
}

}  // namespace tidegate::jobs
