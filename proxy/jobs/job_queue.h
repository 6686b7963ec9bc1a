// START HERE: the contract of a durable queue of jobs with their records and results. A backend is a class that
// implements JobQueue (RecordStore, where it can also keep records for a broker): sqlite/queue.h, redis/queue.h,
// rabbit/queue.h, spool/queue.h (one of them behind a local spool) and the simulator's sim/queue.h. What a new one
// needs:
//
//   1. the class, and a function that opens it         open_queues.cc of cli/ chooses it by the configuration
//   2. its operations, in files of the same names      append, claim, settle, query, operator, housekeeping
//   3. a fixture in tests/unit/jobs/NAME               named in contract/every_queue.h there, or for a slow server in a
//                                                      test program of its own: the contract's tests run, unchanged
//
// CONTRIBUTING.md has the whole list.
//
// Any loop may call. `home` is the caller's own loop: `done` runs there, once, later, never inside the call. Destroying
// the returned operation guarantees silence; the change may happen all the same, except where said.
//
// A store confirms nothing before it is durable. Errors of every call: unavailable (the store is unavailable, broken,
// or stalled beyond its bound), io, not_found (no such job), and those that each call names.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "jobs/job.h"
#include "jobs/note_store.h"
#include "net/body_reader.h"
#include "net/runtime.h"

namespace tidegate::net {
class TlsContext;
}

namespace tidegate::jobs {

using TlsContextPtr = std::shared_ptr<net::TlsContext>;

struct QueueLimits {
  uint64_t max_jobs = 100000;                     // jobs not final
  uint64_t max_bytes = 10ull << 30;               // bodies of jobs not final, and results
  uint64_t min_free_disk = 64ull << 20;           // bytes the file system must keep free
  Duration results_ttl = std::chrono::hours(24);  // results of final jobs are deleted after this, records after twice
  friend bool operator==(const QueueLimits&, const QueueLimits&) = default;
};

// What was durable once and is not there any more, as openings since the start of the process have found.
struct MissingWork {
  uint64_t commits = 0;  // at least so many; each may have held several changes
  uint64_t jobs = 0;     // fewer than there should be
  std::string reason;    // of the last time; "" = nothing is missing

  void add(const MissingWork& more) {
    commits += more.commits;
    jobs += more.jobs;
    if (!more.reason.empty()) reason = more.reason;
  }
};

// A snapshot, cheap and thread-safe; at most a second old.
struct QueueView {
  std::array<uint64_t, kJobStatusCount> depth{};  // by status
  uint64_t bytes = 0;
  std::optional<WallTime> oldest_created_at;  // of jobs not final
  std::optional<WallTime> next_due_at;        // when a claim may next find a job; past = at once
  uint64_t expired_total = 0;                 // jobs that expired, since the store was opened
  uint64_t damaged_total = 0;                 // records found damaged, since the store was opened
  bool available = true;                      // false: append would fail as unavailable
  std::string why_unavailable;
  std::string full;      // the limit that refuses every job, though the store is available; "" = none, or not known
  uint64_t spooled = 0;  // of those queued: taken by the spool while the queue's server is unavailable, to be forwarded
  std::string server_unavailable;  // why a spooled queue's server is; "" = it is available, or there is none
  std::string spool_unavailable;   // why its spool is, likewise
  MissingWork missing;
};

template <typename T>
using Callback = std::function<void(Result<T>)>;
using OperationPtr = std::unique_ptr<net::Operation>;

// A stored result: its response headers, and its body to be read in pieces.
struct ResultReader {
  uint16_t status = 0;
  FieldList fields;
  std::shared_ptr<net::BodyReader> body;  // reads on the loop that requested the result
};

// Where a draft went.
struct Appended {
  std::string id;                        // the draft's own, or that of the job that its key had made before
  uint64_t position = 0;                 // jobs before it
  bool existing = false;                 // the key and the payload are those of the job `id`: nothing was stored
  JobStatus status = JobStatus::queued;  // of that job
};

struct JobFilter {
  std::optional<JobStatus> status;
  std::string error;  // a part of last_error; "" = any
  std::string after;  // JobPage::next of the page before
  int limit = 100;    // 1 to 1000
};

struct JobPage {
  std::vector<JobRecord> records;  // oldest first; without history and position
  std::string next;                // "" = there are no more
};

class JobQueue {
 public:
  virtual ~JobQueue() = default;

  // ---- append ----

  // Stores the job; confirms once it is durable. A draft with a dedupe_key that a job not dead, cancelled or expired
  // has used within results_ttl is that job, if the payload is the same: method, target and a hash of the body (for a
  // reference: the URL without its query). Errors: exhausted (a limit: `queue_full`), conflict (id taken), invalid (the
  // key was used with another payload). The message of exhausted and unavailable begins with a word (refusal.h).
  // An operation destroyed before its callback has run: nobody was promised anything, and a record that became durable
  // all the same is cancelled. Failed as unavailable or timeout: the record may exist; a store cancels it once it can
  // find out, or, where its options say so, leaves it to be found by the next append of this id (conflict).
  [[nodiscard]] virtual OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) = 0;

  // ---- claim ----

  // Hands out the job that is due and has waited longest, if any, for `lease`: status running, attempt + 1. An expired
  // job is never handed out. An operation destroyed before its callback has run: the claim is released.
  [[nodiscard]] virtual OperationPtr claim(net::Runtime& home, Duration lease,
                                           Callback<std::optional<ClaimedJob>> done) = 0;
  // The body of a claimed job. Lives as long as its owner wants; damaged bodies (CRC) read as io.
  virtual std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) = 0;

  // ---- settle: errors of all are conflict (the lease was lost, or the job was cancelled meanwhile) ----

  // Another `lease` from now.
  [[nodiscard]] virtual OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease,
                                           Callback<Ok> done) = 0;
  // Exactly one result per job: a second one is a conflict.
  [[nodiscard]] virtual OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                                             StoredResponse response, Callback<Ok> done) = 0;
  [[nodiscard]] virtual OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                                           WallTime not_before, Callback<Ok> done) = 0;
  // As retry, but a deferral: the attempt does not count, nor do those before it that were lost with their process or
  // their lease (a run with a verdict shows that the job did not end them). In the history, equal deferrals in a row
  // are one entry, and the oldest of more than kDeferralsKept entries are dropped.
  static constexpr int kDeferralsKept = 20;
  [[nodiscard]] virtual OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                                           WallTime not_before, Callback<Ok> done) = 0;
  [[nodiscard]] virtual OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                                                 Callback<Ok> done) = 0;
  // Given back without an attempt (the breaker opened, shutdown): queued again, not handed out before `not_before`; the
  // attempt does not count.
  [[nodiscard]] virtual OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before,
                                             Callback<Ok> done) = 0;

  // ---- query ----

  [[nodiscard]] virtual OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) = 0;
  // Errors: conflict (not succeeded), not_found (no such job, or its result has been deleted).
  [[nodiscard]] virtual OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) = 0;
  [[nodiscard]] virtual OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) = 0;
  virtual QueueView view() const = 0;

  // ---- operator ----

  // Errors: conflict (running, or final).
  [[nodiscard]] virtual OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) = 0;
  // A dead job is queued again with fresh attempts and deferrals; its history stays. Errors: conflict (not dead),
  // exhausted (replayed_too_often of refusal.h, unless `force`; or a limit of the store, as for append).
  static constexpr int kReplaysMax = 3;
  [[nodiscard]] virtual OperationPtr replay(net::Runtime& home, const std::string& id, bool force,
                                            Callback<Ok> done) = 0;
  // Deletes a job that has ended, with its body and result. Errors: conflict (it has not ended).
  [[nodiscard]] virtual OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) = 0;

  // ---- housekeeping ----

  // Expires what is too old and deletes what ended long ago, soon. Appends, claims and finds do so too; an idle queue
  // needs this.
  virtual void tidy(net::Runtime& home) = 0;
  // Calls `changed` on `home`, soon, whenever a claim may find more than before. A retry that comes due is the caller's
  // own timer: view().next_due_at. One listener; empty = none.
  virtual void on_work(net::Runtime& home, std::function<void()> changed) = 0;
  // Any thread. What is appended, replayed or deleted from then on goes by these limits; what is stored stays, also
  // where it is more than they allow.
  virtual void set_limits(const QueueLimits& limits) = 0;
  // Where the store keeps notes too; null: it does not. Lives as long as the queue.
  virtual NoteStore* note_store() { return nullptr; }
  // How it speaks TLS to its servers: their files are to be watched. Any thread. Empty: without TLS.
  virtual std::vector<TlsContextPtr> tls() const { return {}; }
  // Takes no new calls (they fail as unavailable), commits what was taken, closes. `done` runs once all is on disk.
  virtual void close(net::Runtime& home, std::function<void()> done) = 0;
};

// A queue that can keep the records of jobs whose work items are with a broker (drafts with `external`): SQLite, Redis.
//
//   append(external) ──▶ accepting ──admit──▶ queued ──claim_id──▶ running ──▶ …
//
// The body of an external draft is counted (limits, body_size) and hashed (dedupe_key), not stored: open_body is not
// for such a job. An append of an id that is `accepting` succeeds again: the caller that failed to publish it tries
// again. find() of an accepting record returns not_found, cancel() may.
class RecordStore : public JobQueue {
 public:
  // accepting becomes queued; queued stays so. Errors: conflict (any other status).
  [[nodiscard]] virtual OperationPtr admit(net::Runtime& home, const std::string& id, Callback<Ok> done) = 0;
  // Claims that one job, due or not, as claim() does. Errors: conflict (it has ended, is accepting, or a live lease
  // holds it), not_found.
  [[nodiscard]] virtual OperationPtr claim_id(net::Runtime& home, const std::string& id, Duration lease,
                                              Callback<ClaimedJob> done) = 0;
};

}  // namespace tidegate::jobs
