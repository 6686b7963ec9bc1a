// The job queue's decisions as SQL, synchronous and single-threaded: what sqlite_queue.cc's thread runs in groups.
// Every method is one change inside the transaction the caller has begun; SqliteFailure is thrown, expected refusals
// returned.
#pragma once

#include <sys/stat.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/job_queue.h"
#include "jobs/sqlite/db.h"

namespace tidegate::jobs {

// Where a stored body lies.
struct StoredBlob {
  const char* table = "bodies";
  int64_t row = 0;
  uint64_t size = 0;
};

struct StoredResultHead {
  uint16_t status = 0;
  FieldList fields;
  StoredBlob body;
};

class SqliteStore {
 public:
  // `after_crash`: no other run is alive, so jobs that were running are queued again.
  static Result<std::unique_ptr<SqliteStore>> open(const std::string& path, const std::string& vfs,
                                                   const QueueLimits& limits, bool after_crash);

  SqliteDb& db() { return db_; }

  // Transactions. Each change of a group stands in a savepoint of its own.
  void begin();
  void commit();
  void rollback();  // never throws: a lost transaction is rolled back already
  void begin_change();
  void keep_change();
  void undo_change();
  bool in_transaction() const;
  // A change that means nothing: that its commit succeeds proves that the disk writes again.
  void touch();

  Result<Appended> append(const JobDraft& draft, WallTime now);
  Result<std::optional<ClaimedJob>> claim(Duration lease, WallTime now);
  Status renew(const ClaimedJob& job, Duration lease, WallTime now);
  Status succeed(const ClaimedJob& job, const AttemptRecord& attempt, const StoredResponse& response, WallTime now);
  Status retry(const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before);
  Status dead_letter(const ClaimedJob& job, const AttemptRecord& attempt, WallTime now);
  Status release(const ClaimedJob& job, WallTime not_before);
  Status forget(const ClaimedJob& job);
  Result<JobRecord> find(const std::string& id);
  Result<StoredResultHead> result(const std::string& id);
  Result<StoredBlob> body_of(const ClaimedJob& job);
  Status cancel(const std::string& id, WallTime now);
  Status replay(const std::string& id, bool force, WallTime now);
  Status purge(const std::string& id);
  Result<JobPage> list(const JobFilter& filter);
  Status admit(const std::string& id);
  Result<ClaimedJob> claim_id(const std::string& id, Duration lease, WallTime now);

  // Expires what is too old, forgets what ended long ago: a bounded number of rows, once a group, and once a second of
  // `now` unless the last sweep has left some.
  // Where the clock has stepped back, what is due steps back with it.
  void sweep(WallTime now);
  bool has_more_to_sweep() const { return more_to_sweep_; }
  WallTime swept_at() const { return swept_at_; }
  void stop_sweeping() { more_to_sweep_ = false; }

  QueueView view();
  void refresh_free_disk();
  // Throws where the path no longer leads to the open file: what is written to it would be found by nobody.
  void check_file();

 private:
  struct Counters {
    std::array<uint64_t, kJobStatusCount + 1> depth{};  // with accepting
    uint64_t bytes = 0;
    uint64_t expired = 0;
    uint64_t damaged = 0;
    WallTime latest_now{};  // the latest time that is known to have been: what is undone must be done again
  };
  struct Candidate {  // a row that may be claimed
    int64_t seq;
    JobStatus from;
    int64_t due_at;
    bool external;  // its body is not here
    uint32_t crc;
    std::string fields;
    ClaimedJob job;
  };
  struct Held {  // a running job whose claim is still good
    int64_t seq;
    uint64_t body_size;
  };

  SqliteStore(const std::string& path, const std::string& vfs, const QueueLimits& limits);
  void fold_wal();
  void recover();
  void count();
  uint64_t open_jobs() const;
  uint64_t position_of(int64_t due_at, int64_t seq);
  Result<Appended> appended_before(const JobDraft& draft, const std::string& fingerprint);
  Status check_limits(uint64_t size) const;
  void insert(const JobDraft& draft, const std::string& fingerprint, WallTime now);
  static Candidate read_candidate(const Query& row);
  static JobRecord read_record(std::string id, const Query& row);
  bool is_whole(const Candidate& candidate);
  ClaimedJob take(Candidate candidate, Duration lease, WallTime now);
  Result<Held> held(const ClaimedJob& job);
  void move(JobStatus from, JobStatus to);
  void add_attempt(int64_t seq, const AttemptRecord& attempt);
  void drop_body(int64_t seq, uint64_t size);
  uint32_t write_body(const char* table, int64_t row, const BodyContent& body, uint32_t crc);
  uint32_t body_crc(const StoredBlob& body, uint32_t crc);
  void follow_clock(WallTime now);
  void expire(int64_t seq, JobStatus from, uint64_t body_size, WallTime now);
  void mark_damaged(int64_t seq, const std::string& id, JobStatus from, WallTime now);
  bool forget(WallTime now);
  void erase(int64_t seq, uint64_t bytes, JobStatus status);
  void forget_accepting(WallTime now);

  std::string path_;
  QueueLimits limits_;
  SqliteDb db_;
  Counters counters_;
  Counters before_group_, before_change_;
  int64_t next_seq_ = 1;
  uint64_t free_disk_ = ~uint64_t{0};
  WallTime swept_at_{};
  bool swept_in_group_ = false;
  bool more_to_sweep_ = false;
  struct stat file_ {};
};

}  // namespace tidegate::jobs
