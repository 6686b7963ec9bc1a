#include "jobs/sqlite/disk/missing.h"

#include <algorithm>

namespace tidegate::jobs {

namespace {

bool is_marked_log(const CommitMark& mark, const WalContent& log) { return log.valid && log.salts == mark.log.salts; }

bool ends_at_mark(const CommitMark& mark, const WalContent& log) {
  if (is_marked_log(mark, log)) return log.frames == mark.log.frames;
  return !mark.log_is_needed() && log.frames == 0;
}

uint64_t jobs_missing(const CommitMark& mark, const StoreCounts& found) {
  return mark.counts.all_jobs() - std::min(mark.counts.all_jobs(), found.all_jobs());
}

}  // namespace

std::string damage_of_log(const std::optional<CommitMark>& mark, const WalContent& log) {
  if (mark && is_marked_log(*mark, log) && log.frames < mark->log.frames) {
    return "the WAL can be read up to frame " + std::to_string(log.frames) + " of " + std::to_string(mark->log.frames);
  }
  if (log.broken_inside) return "the WAL is damaged behind frame " + std::to_string(log.frames);
  if (!mark || !mark->log_is_needed() || is_marked_log(*mark, log)) return "";
  if (log.valid && log.salts.later_than(mark->log.salts)) return "";
  return log.valid ? "the WAL is not the one of the last commit" : "the WAL is missing, or its header is damaged";
}

MissingWork find_missing(const std::optional<CommitMark>& mark, const WalContent& log, const StoreCounts& found) {
  MissingWork missing;
  missing.reason = damage_of_log(mark, log);
  if (!mark) {
    missing.commits = missing.reason.empty() ? 0 : 1;  // at least
    return missing;
  }
  if (missing.reason.empty()) {
    if (!ends_at_mark(*mark, log) || found.jobs == mark->counts.jobs) return {};
    missing.reason = "the file does not have the jobs of the last commit: it was replaced, or cut off";
    missing.commits = 1;
  } else if (is_marked_log(*mark, log)) {
    missing.commits = std::max(mark->commits, log.commits + 1) - log.commits;
  } else {
    // Another program may have moved the log into the file. The mark counts numbers of what was deleted since, too.
    if (found.jobs == mark->counts.jobs && found.next_seq <= mark->counts.next_seq) return {};
    missing.commits = std::max<uint64_t>(mark->commits, 1);
  }
  missing.jobs = jobs_missing(*mark, found);
  return missing;
}

MissingWork missing_with_database(const std::optional<CommitMark>& mark, const WalContent& log) {
  return {std::max<uint64_t>({1, log.commits, mark ? mark->commits : 0}), mark ? mark->counts.all_jobs() : 0,
          "the file is missing or empty, but not its WAL"};
}

}  // namespace tidegate::jobs
