// The file format of the job store, and its settings. Tables can be read with any SQLite shell.
#pragma once

#include "jobs/sqlite/db/db.h"

namespace tidegate::jobs {

inline constexpr int kSqliteApplicationId = 0x54474a51;  // "TGJQ"
// 1: without keys, references and replays; 2: without deferrals; 3: without chunks; 4: without bodies in files of their
// own. All are brought up to date at once; the bodies and results that they hold stay where they are.
inline constexpr int kSqliteFormat = 5;

// Refuses a file that is not ours, of a newer format or damaged, and has not written to it then. Sets what durability
// needs (WAL, synchronous=FULL) and reads it back. `suspect`: damage was found in it, so that it is read through
// whatever its size is. Throws SqliteFailure; Error invalid is returned.
Status check_sqlite_file(SqliteDb& db, const std::string& path, bool suspect);

// Of a file that was checked. All throw SqliteFailure.
bool is_new(SqliteDb& db);  // it has no tables yet
bool is_up_to_date(SqliteDb& db);
// A file of an older format gets what it lacks, a new one everything, in one transaction.
void bring_up_to_date(SqliteDb& db);

}  // namespace tidegate::jobs
