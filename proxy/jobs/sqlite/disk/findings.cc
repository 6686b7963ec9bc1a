#include "jobs/sqlite/disk/findings.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kNamesMax = 20;

// The first ones.
std::string list_of(const std::set<std::string>& names) {
  std::string list;
  size_t listed = 0;
  for (const std::string& name : names) {
    if (listed++ == kNamesMax) return list + " ...";
    list += (list.empty() ? "" : " ") + name;
  }
  return list;
}

}  // namespace

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

void SqliteFindings::report(const std::string& folder, BodyFileFindings found) {
  if (found == bodies) return;
  bodies = std::move(found);
  if (!bodies.missing.empty() || !bodies.reason.empty()) {
    log_error("body_files_missing", {{"folder", folder},
                                     {"files", bodies.missing.size()},
                                     {"names", list_of(bodies.missing)},
                                     {"reason", bodies.reason.empty() ? "no such files" : bodies.reason}});
  }
  if (!bodies.unknown.empty()) {
    log_warn("body_files_unknown",
             {{"folder", folder}, {"files", bodies.unknown.size()}, {"names", list_of(bodies.unknown)}});
  }
}

}  // namespace tidegate::jobs
