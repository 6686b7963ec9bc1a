// What the openings of a store have found, those that failed too: an opening changes the files, and the next one does
// not find it again. Owned by who opens the store again and again (thread.h).
//
//   an opening       finds ──▶ report() ──▶ the mark, the WAL or the file is changed ──▶ succeeds
//                                 ▲                       │ fails
//                                 └───── finds it again ──┴──▶ or does not
//
// So it is reported before the first change that could hide it, and what is found again is counted once.
#pragma once

#include <set>
#include <string>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

// Of the files of bodies, by name (body_files.h).
struct BodyFileFindings {
  std::set<std::string> unknown;  // no row names them
  std::set<std::string> missing;  // rows name them
  std::string reason;             // "" = the folder could be read
  friend bool operator==(const BodyFileFindings&, const BodyFileFindings&) = default;
};

struct SqliteFindings {
  MissingWork missing;   // each finding once
  MissingWork reported;  // of these, what was promised before the last commit: openings may find it again
  bool suspect = false;  // damage was found while the store was open: it is read through, whatever its size is
  // The damaged log was copied, or could not be. Not again until an opening has succeeded: there may be one each
  // second, and what an opening that failed has left of the log is no better.
  bool log_kept = false;

  BodyFileFindings bodies;  // as they were reported last

  // Logs what of them is wrong, unless it was so before.
  void report(const std::string& folder, BodyFileFindings found);
  // Logs and counts what of `found` was not reported yet.
  void report(const std::string& path, const MissingWork& found);
  // A commit of the open store: what is found missing from now on is another loss.
  void on_commit() { reported = {}; }
};

}  // namespace tidegate::jobs
