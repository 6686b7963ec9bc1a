// What makes two requests with the same Idempotency-Key the same payload.
#pragma once

#include <string>

#include "base/result.h"
#include "jobs/job.h"

namespace tidegate::jobs {

// SHA-256, as 64 hex digits, of the method, the target and the body; of a reference in the body's place, the URL
// without its query (every presigning differs). Reads a body in a file through: on a store's own thread only. Errors:
// io.
Result<std::string> fingerprint_of(const JobDraft& draft);

}  // namespace tidegate::jobs
