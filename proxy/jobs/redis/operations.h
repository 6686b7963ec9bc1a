// What each call of the queue does on Redis, a file for each kind; the same files in every backend. Contracts:
// jobs/job_queue.h. Each is a script on the server (jobs/redis/scripts), before which a body is uploaded. The store
// outlives the call.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "jobs/redis/blob.h"
#include "jobs/redis/store.h"

namespace tidegate::jobs {

template <typename T>
using RedisDone = RedisStore::Done<T>;

// append.cc
void append_job(RedisStore& store, std::shared_ptr<const JobDraft> draft, RedisStore::Dropped dropped,
                RedisDone<Appended> done);
void admit_job(RedisStore& store, const std::string& id, RedisDone<Ok> done);

// claim.cc
void claim_job(RedisStore& store, Duration lease, RedisDone<std::optional<ClaimedJob>> done);
void claim_job_by_id(RedisStore& store, const std::string& id, Duration lease, RedisDone<ClaimedJob> done);
// A claim whose caller has gone.
void give_back(RedisStore& store, const ClaimedJob& job);
void read_body(RedisStore& store, const ClaimedJob& job, std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count,
               RedisDone<std::string> done);

// settle.cc
void renew_claim(RedisStore& store, const ClaimedJob& job, Duration lease, RedisDone<Ok> done);
void succeed_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt,
                 std::shared_ptr<const StoredResponse> response, RedisStore::Dropped dropped, RedisDone<Ok> done);
void retry_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before,
               RedisDone<Ok> done);
void defer_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before,
               RedisDone<Ok> done);
void dead_letter_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt, RedisDone<Ok> done);
void dead_letter_damaged(RedisStore& store, const std::string& id, uint64_t claim, const std::string& reason,
                         RedisDone<Ok> done);
void release_job(RedisStore& store, const ClaimedJob& job, WallTime not_before, RedisDone<Ok> done);

// query.cc
struct RedisResultHead {
  uint16_t status = 0;
  FieldList fields;
  std::shared_ptr<RedisBlob> body;
};
void find_job(RedisStore& store, const std::string& id, RedisDone<JobRecord> done);
void find_result(RedisStore& store, const std::string& id, RedisDone<RedisResultHead> done);
void read_result(RedisStore& store, std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count,
                 RedisDone<std::string> done);
void list_jobs(RedisStore& store, const JobFilter& filter, RedisDone<JobPage> done);

// operator.cc
void cancel_job(RedisStore& store, const std::string& id, RedisDone<Ok> done);
void replay_job(RedisStore& store, const std::string& id, bool force, RedisDone<Ok> done);
void purge_job(RedisStore& store, const std::string& id, RedisDone<Ok> done);

// housekeeping.cc: expires what is too old and deletes what ended long ago, in so many scripts at most.
void sweep(RedisStore& store, int rounds_max);

}  // namespace tidegate::jobs
