#include "jobs/sqlite/disk/findings.h"

#include <algorithm>

#include "base/log.h"

namespace tidegate::jobs {

void SqliteFindings::report(const std::string& path, const MissingWork& found) {
  if (found.reason.empty()) {
    reported = {};  // it cannot be found again
    return;
  }
  const MissingWork more{found.commits - std::min(found.commits, reported.commits),
                         found.jobs - std::min(found.jobs, reported.jobs), found.reason};
  if (more.commits == 0 && more.jobs == 0) return;
  missing.add(more);
  reported.add(more);
  log_error("commits_missing",
            {{"store", path}, {"commits", more.commits}, {"jobs", more.jobs}, {"reason", more.reason}});
}

}  // namespace tidegate::jobs
