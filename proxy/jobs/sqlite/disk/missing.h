// Whether all that was promised is in a store that is opened: the mark of the last commit, the log as it lay on the
// disk, and what can be read, compared. Pure.
//
//   the log now, against the mark                what it means
//   same salts, as many frames or more           all there (a commit may follow that was not promised)
//   same salts, fewer frames                     commits are missing: the log is damaged, or was cut off
//   begun later                                  all there: a log begins anew only when the database has all of it
//   none, begun earlier, or no log of ours       all there if the database has the marked counts (somebody has opened
//   it
//                                                meanwhile, whose end has moved the log into it); else commits are
//                                                missing
//   not needed by the mark                       all there
//
// Where the log ends exactly at the mark, the database must have the marked counts too: else it was replaced, or cut
// off. Without a mark (a store of an older version) only damage within the log is seen.
#pragma once

#include <optional>

#include "jobs/job_queue.h"
#include "jobs/sqlite/disk/commit_mark.h"
#include "jobs/sqlite/disk/wal.h"

namespace tidegate::jobs {

// The log alone, before it is recovered: "" = nothing is wrong with it, else what is.
std::string damage_of_log(const std::optional<CommitMark>& mark, const WalContent& log);

// After it. `found`: what the database has.
MissingWork find_missing(const std::optional<CommitMark>& mark, const WalContent& log, const StoreCounts& found);

// Where the database of a log is missing or empty: all.
MissingWork missing_with_database(const std::optional<CommitMark>& mark, const WalContent& log);

}  // namespace tidegate::jobs
