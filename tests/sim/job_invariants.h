// What the invariants know of jobs. Private to them.
#pragma once

#include <string>
#include <vector>

#include "sim/invariants.h"

namespace tidegate::sim {

// Of its 202; "": it has none.
std::string job_id_of(const SimClient& client);
// Runs that ended without a result: the process was killed, or the store stalled longer than a lease.
int interruptions(const jobs::JobRecord& record);
std::vector<jobs::JobRecord> all_jobs(const Stores& stores);

}  // namespace tidegate::sim
