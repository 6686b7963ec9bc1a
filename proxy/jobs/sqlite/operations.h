// What each call of the queue does to an open store, a file for each kind; the same files in every backend. Contracts:
// jobs/job_queue.h, of which these are the decisions, at `now`. Each is one change inside the transaction that the
// caller has begun; SqliteFailure is thrown, expected refusals are returned.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "jobs/fingerprint.h"
#include "jobs/job_queue.h"
#include "jobs/sqlite/store.h"
#include "jobs/sqlite/stored_body.h"

namespace tidegate::jobs {

// append.cc. REQUIRES that the body is not large (stored_body.h).
Result<Appended> append_job(SqliteStore& store, const JobDraft& draft, WallTime now);
// The same for a draft whose body is large: hashed where it has a key, then written unless it is external. Each step is
// a change of its own; no value: another one follows.
class LargeAppend {
 public:
  LargeAppend(std::shared_ptr<const JobDraft> draft, WallTime now);
  std::optional<Result<Appended>> step(SqliteStore& store);
  // For its file: a step would do nothing.
  bool waits() const { return writer_.waits(); }

 private:
  Result<bool> hash_on();

  const std::shared_ptr<const JobDraft> draft_;
  const WallTime now_;
  ChunkWriter writer_;
  std::unique_ptr<Fingerprint> hashing_;  // until `hashed_` is the body's size
  uint64_t hashed_ = 0;
  std::string fingerprint_;
};
Status admit_job(SqliteStore& store, const std::string& id);

// claim.cc
Result<std::optional<ClaimedJob>> claim_job(SqliteStore& store, Duration lease, WallTime now);
Result<ClaimedJob> claim_job_by_id(SqliteStore& store, const std::string& id, Duration lease, WallTime now);
// The piece of its body that begins at `n` * kChunkBytes. Errors: io (it is damaged, and the job is dead), not_found
// and unavailable (as read_chunk's: the job waits, or is dead after its file alone was missing several times). The
// claim has ended then.
Result<std::string> read_body(SqliteStore& store, const ClaimedJob& job, uint64_t n, WallTime now);

// settle.cc. `response` of succeed_job: small, or written as the chunks of that owner.
Status renew_claim(SqliteStore& store, const ClaimedJob& job, Duration lease, WallTime now);
Status succeed_job(SqliteStore& store, const ClaimedJob& job, const AttemptRecord& attempt,
                   const StoredResponse& response, WallTime now, int64_t chunks = 0);
// The same with a response that is large, as LargeAppend.
class LargeSuccess {
 public:
  LargeSuccess(const ClaimedJob& job, const AttemptRecord& attempt, std::shared_ptr<const StoredResponse> response,
               WallTime now)
      : job_(job), attempt_(attempt), response_(std::move(response)), now_(now), writer_(response_->body) {}
  std::optional<Result<Ok>> step(SqliteStore& store);
  bool waits() const { return writer_.waits(); }

 private:
  const ClaimedJob job_;
  const AttemptRecord attempt_;
  const std::shared_ptr<const StoredResponse> response_;
  const WallTime now_;
  ChunkWriter writer_;
};
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
// The piece of its body that begins at `n` * kChunkBytes.
Result<std::string> read_result(SqliteStore& store, const std::string& id, const StoredBlob& body, uint64_t n);
Result<JobPage> list_jobs(SqliteStore& store, const JobFilter& filter);

// operator.cc
Status cancel_job(SqliteStore& store, const std::string& id, WallTime now);
Status replay_job(SqliteStore& store, const std::string& id, bool force, WallTime now);
Status purge_job(SqliteStore& store, const std::string& id);

// notes.cc: see note_store.h
std::map<std::string, std::string> read_notes(SqliteStore& store);
Status set_note(SqliteStore& store, const std::string& name, const std::string& text);

// housekeeping.cc: expires what is too old and deletes what ended long ago. A bounded number of rows, once a group, and
// once a second of `now` unless the last sweep has left some (SweepState). Where the clock has stepped back, what is
// due steps back with it.
void sweep(SqliteStore& store, WallTime now);
// The same for what was asked for, or left, at `since`, a while ago: that is no clock that has stepped back.
void sweep_late(SqliteStore& store, WallTime since);

}  // namespace tidegate::jobs
