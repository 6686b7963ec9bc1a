#include <algorithm>

#include "base/crc32c.h"
#include "jobs/fingerprint.h"
#include "jobs/record_codec.h"
#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/rows.h"

namespace tidegate::jobs {

namespace {

// The job that the draft's key has made before. not_found: there is none, and the key is free.
Result<Appended> appended_before(SqliteStore& store, const JobDraft& draft, const std::string& fingerprint) {
  const Error free{ErrorCode::not_found, "the key is free"};
  if (draft.dedupe_key.empty()) return free;
  Query same_key(store.db(), "SELECT id, seq, status, due_at, fingerprint FROM jobs WHERE dedupe_key = ?",
                 draft.dedupe_key);
  if (!same_key.step()) return free;
  const int64_t seq = same_key.integer(1);
  const auto status = status_in(same_key, 2);
  if (status == JobStatus::accepting) {  // nobody was promised that one
    Query(store.db(), "UPDATE jobs SET dedupe_key = NULL WHERE seq = ?", seq).run();
    return free;
  }
  if (same_key.text(4) != fingerprint) {
    return Error{ErrorCode::invalid, "the idempotency key was used with another payload"};
  }
  const bool waits = status == JobStatus::queued || status == JobStatus::retrying;
  return Appended{same_key.text(0), waits ? position_of(store, same_key.integer(3), seq) : 0, true, status};
}

// Whether the id was appended and not admitted before: then it is appended again.
Result<Appended> append_again(SqliteStore& store, const JobDraft& draft, JobStatus status) {
  const bool again = draft.external && status == JobStatus::accepting;
  if (!again) return Error{ErrorCode::conflict, "job " + draft.id + " exists"};
  if (draft.dedupe_key.empty()) {  // it does without the one that another job has now
    Query(store.db(), "UPDATE jobs SET dedupe_key = NULL, fingerprint = '' WHERE id = ?", draft.id).run();
  }
  return Appended{draft.id, store.counters().open_jobs(), false, JobStatus::queued};
}

// What happens to the draft without anything being stored: it is refused, or has been appended before. No value: it may
// be inserted. `reserved`: its bytes are.
std::optional<Result<Appended>> known_outcome(SqliteStore& store, const JobDraft& draft, const std::string& fingerprint,
                                              bool reserved) {
  Query taken(store.db(), "SELECT status FROM jobs WHERE id = ?", draft.id);
  if (taken.step()) return append_again(store, draft, status_in(taken, 0));
  auto before = appended_before(store, draft, fingerprint);
  if (before || before.error().code != ErrorCode::not_found) return before;
  const Status limits = reserved ? store.check_job_limit() : store.check_limits(draft.body.size());
  if (!limits) return limits.error();
  return std::nullopt;
}

// Returns the record's checksum: of all that never changes, the body included.
Result<uint32_t> insert_body(SqliteStore& store, int64_t seq, const JobDraft& draft, const std::string& fields,
                             int64_t chunks) {
  const uint32_t crc = crc32c(
      draft.body_ref, job_head_crc(draft.id, draft.route, draft.method, draft.target, fields, ns(draft.created_at)));
  if (chunks != 0) return chunked_crc(chunks, draft.body.size(), crc);
  if (draft.external || draft.body.size() == 0) return crc;
  const auto value = read_content(draft.body, 0, draft.body.size());
  if (!value) return value.error();
  Query(store.db(), "INSERT INTO bodies VALUES (?, ?)", seq, Blob{*value}).run();
  return crc32c(*value, crc);
}

// `chunks`: the owner of the body's, where it is large.
Result<Appended> insert(SqliteStore& store, const JobDraft& draft, const std::string& fingerprint, WallTime now,
                        int64_t chunks = 0) {
  const uint64_t position = store.counters().open_jobs();
  const uint64_t size = draft.body.size();
  const int64_t seq = store.next_seq();
  const std::string fields = encode_fields(draft.fields);
  const auto crc = insert_body(store, seq, draft, fields, chunks);
  if (!crc) return crc.error();
  const JobStatus status = draft.external ? JobStatus::accepting : JobStatus::queued;
  Query(store.db(),
        "INSERT INTO jobs (seq, id, status, attempt, max_attempts, route, method, target, fields, created_at,"
        " expires_at, due_at, claim, last_error, body_size, result_size, crc, body_ref, dedupe_key, fingerprint,"
        " external, finished_at, chunks)"
        " VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, 0, '', ?, 0, ?, ?, nullif(?, ''), ?, ?, nullif(?, 0), ?)",
        seq, draft.id, code(status), draft.max_attempts, draft.route, draft.method, draft.target, fields,
        ns(draft.created_at), ns(draft.expires_at), ns(std::max(draft.created_at, draft.not_before)), size, *crc,
        draft.body_ref, draft.dedupe_key, fingerprint, draft.external ? 1 : 0, draft.external ? ns(now) : 0, chunks)
      .run();
  store.counters().add(status, size);
  if (chunks == 0) store.use_disk(size);
  return Appended{draft.id, position, false, JobStatus::queued};
}

}  // namespace

Result<Appended> append_job(SqliteStore& store, const JobDraft& draft, WallTime now) {
  sweep(store, now);
  std::string fingerprint;
  if (!draft.dedupe_key.empty()) {
    auto computed = fingerprint_of(draft);
    if (!computed) return computed.error();
    fingerprint = std::move(*computed);
  }
  if (auto known = known_outcome(store, draft, fingerprint, false)) return std::move(*known);
  return insert(store, draft, fingerprint, now);
}

LargeAppend::LargeAppend(std::shared_ptr<const JobDraft> draft, WallTime now)
    : draft_(std::move(draft)),
      now_(now),
      writer_(draft_->body),
      hashing_(draft_->dedupe_key.empty() ? nullptr : std::make_unique<Fingerprint>(*draft_)) {}

// Whether another job has the key may change with each step of others.
std::optional<Result<Appended>> LargeAppend::step(SqliteStore& store) {
  const auto hashed = hash_on();
  if (!hashed) return hashed.error();
  if (!*hashed) return std::nullopt;
  sweep_late(store, now_);
  if (auto known = known_outcome(store, *draft_, fingerprint_, writer_.begun())) return known;
  if (draft_->external) return insert(store, *draft_, fingerprint_, now_);
  const auto written = writer_.step(store);
  if (!written) return written.error();
  if (!*written) return std::nullopt;
  return insert(store, *draft_, fingerprint_, now_, writer_.own_chunks(store));
}

// True: the fingerprint is known, or not needed.
Result<bool> LargeAppend::hash_on() {
  if (!hashing_) return true;
  const auto piece = read_content(draft_->body, hashed_, kChunkStepBytes);
  if (!piece) return piece.error();
  hashing_->add(*piece);
  hashed_ += piece->size();
  if (hashed_ < draft_->body.size()) return false;
  fingerprint_ = hashing_->finish();
  hashing_.reset();
  return true;
}

Status admit_job(SqliteStore& store, const std::string& id) {
  Query query(store.db(), "SELECT seq, status, dedupe_key IS NULL AND fingerprint <> '' FROM jobs WHERE id = ?", id);
  if (!query.step()) return no_job(id);
  const auto status = status_in(query, 1);
  if (status == JobStatus::queued) return Ok{};
  if (status != JobStatus::accepting) return wrong_status(id, status, "accepting");
  if (query.integer(2) != 0) return Error{ErrorCode::conflict, "its key has made another job meanwhile"};
  Query(store.db(), "UPDATE jobs SET status = 0, finished_at = NULL WHERE seq = ?", query.integer(0)).run();
  store.counters().move(JobStatus::accepting, JobStatus::queued);
  return Ok{};
}

}  // namespace tidegate::jobs
