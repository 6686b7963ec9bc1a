// What the openings of a store have found, those that failed too: an opening changes the files, and the next one does
// not find it again. Owned by who opens the store again and again (thread.h).
#pragma once

#include "jobs/job_queue.h"

namespace tidegate::jobs {

struct SqliteFindings {
  MissingWork missing;   // each finding once
  bool suspect = false;  // damage was found while the store was open: it is read through, whatever its size is
  // The damaged log was copied, or could not be. Not again until an opening has succeeded: there may be one each
  // second, and what an opening that failed has left of the log is no better.
  bool log_kept = false;
};

}  // namespace tidegate::jobs
