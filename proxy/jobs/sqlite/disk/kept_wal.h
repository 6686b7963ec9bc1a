// A log that an opening by SQLite would change or delete is kept first, since it may hold what was promised: as
// PATH-wal.damaged, or, where that is there already, with .2 or .3 behind. At most three; only the last is written
// over.
#pragma once

#include <string>

#include "base/result.h"

namespace tidegate::jobs {

// A log that is damaged: SQLite takes what is before the damage, and writes over the rest. Where it cannot be copied
// the log event says so.
void copy_damaged_wal(const std::string& wal);

// A log whose database is missing or empty: SQLite would delete it unread. Error: io.
Status move_orphaned_wal(const std::string& wal);

}  // namespace tidegate::jobs
