// What an opening finds of the files of bodies (disk/body_files.h).
#pragma once

#include "jobs/sqlite/disk/findings.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

// What a job has is never nobody's, and rows of files that neither a job nor `unowned` has are deleted: the database
// does not name these files any more, and nothing deletes them. Unless the database is `trusted`, to have all its
// commits and no older pages, that is also done with all that is nobody's. True: there was something. Throws
// SqliteFailure.
bool repair_body_rows(SqliteStore& store, bool trusted);

// Logs, once for as long as it stays so, files that no row names, and rows whose file is missing: their jobs wait for
// it (claim.cc). Throws SqliteFailure.
void report_body_files(SqliteStore& store, SqliteFindings& findings);

}  // namespace tidegate::jobs
