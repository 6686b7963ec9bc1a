// What each call of the queue does to an open store, a file for each kind; the same files in every backend. Contracts:
// jobs/job_queue.h, of which these are the decisions, at `now`. Each is one change inside the transaction that the
// caller has begun; SqliteFailure is thrown, expected refusals are returned.
#pragma once

#include <optional>
#include <string>

#include "jobs/job_queue.h"
#include "jobs/sqlite/blob.h"
#include "jobs/sqlite/store.h"

namespace tidegate::jobs {

// append.cc
Result<Appended> append_job(SqliteStore& store, const JobDraft& draft, WallTime now);
Status admit_job(SqliteStore& store, const std::string& id);

// claim.cc
Result<std::optional<ClaimedJob>> claim_job(SqliteStore& store, Duration lease, WallTime now);
Result<ClaimedJob> claim_job_by_id(SqliteStore& store, const std::string& id, Duration lease, WallTime now);
Result<StoredBlob> locate_body(SqliteStore& store, const ClaimedJob& job);

// settle.cc
Status renew_claim(SqliteStore& store, const ClaimedJob& job, Duration lease, WallTime now);
Status succeed_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt,
                   const StoredResponse& response, WallTime now);
Status retry_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before);
Status defer_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before);
Status dead_letter_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime now);
Status release_job(SqliteStore& store, const ClaimedJob& job, WallTime not_before);
Status remove_job(SqliteStore& store, const ClaimedJob& job);

// query.cc
struct StoredResultHead {
  uint16_t status = 0;
  FieldList fields;
  StoredBlob body;
};
Result<JobRecord> find_job(SqliteStore& store, const std::string& id, WallTime now);
Result<StoredResultHead> find_result(SqliteStore& store, const std::string& id);
Result<JobPage> list_jobs(SqliteStore& store, const JobFilter& filter);

// operator.cc
Status cancel_job(SqliteStore& store, const std::string& id, WallTime now);
Status replay_job(SqliteStore& store, const std::string& id, bool force, WallTime now);
Status purge_job(SqliteStore& store, const std::string& id);

// housekeeping.cc: expires what is too old and deletes what ended long ago. A bounded number of rows, once a group, and
// once a second of `now` unless the last sweep has left some (SweepState). Where the clock has stepped back, what is
// due steps back with it.
void sweep(SqliteStore& store, WallTime now);

}  // namespace tidegate::jobs
