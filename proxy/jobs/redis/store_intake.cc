// The store's intake: drafts with their bodies, and claims.
#include <utility>

#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/redis/store.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kBodyMax = 2'000'000'000;

// What has been sent and was not answered may have been done.
bool in_doubt(const Error& error) { return error.code == ErrorCode::unavailable; }

// The body of an external draft is counted and hashed, not stored.
Status hash_body(const BodyContent& body, Fingerprint& print) {
  if (!body.file) print.add(body.memory);
  for (uint64_t at = 0; body.file && at < body.size();) {
    const auto piece = body.file->read_at(at, kBlobPiece);
    if (!piece) return piece.error();
    if (piece->empty()) return Error{ErrorCode::io, "a kept body is shorter than it was"};
    print.add(*piece);
    at += piece->size();
  }
  return Ok{};
}

}  // namespace

void RedisStore::append(std::shared_ptr<const JobDraft> draft, Dropped dropped, Done<Appended> done) {
  if (!link_.ready())
    return link_.run(link_.scripts().view, {}, [done](const Result<RedisAnswer>& answer) { done(answer.error()); });
  if (dropped()) return done(Error{ErrorCode::cancelled, "nobody waits"});
  if (draft->body.size() > kBodyMax) return done(Error{ErrorCode::exhausted, "the body is too large for the store"});
  if (draft->body.size() > options_.limits.max_bytes) return done(Error{ErrorCode::exhausted, "max_bytes reached"});
  // Only a key makes anyone compare payloads.
  const auto print = draft->dedupe_key.empty() ? nullptr : std::make_shared<Fingerprint>(*draft);
  if (draft->external) {
    const Status hashed = print ? hash_body(draft->body, *print) : Status(Ok{});
    if (!hashed) return done(hashed.error());
    return append_uploaded(*draft, {}, print ? print->finish() : "", std::move(dropped), std::move(done));
  }
  RedisUpload::start(link_, "body:" + draft->id, draft->body, print, dropped,
                     [this, draft, print, dropped, done = std::move(done)](const Result<UploadedBody>& body) {
                       if (!body) return done(body.error());
                       append_uploaded(*draft, *body, print ? print->finish() : "", dropped, done);
                     });
}

void RedisStore::append_uploaded(const JobDraft& draft, const UploadedBody& body, const std::string& print,
                                 Dropped dropped, Done<Appended> done) {
  const WallTime due = std::max(draft.created_at, draft.not_before);
  std::vector<std::string> arguments{draft.id,
                                     draft.route,
                                     draft.method,
                                     draft.target,
                                     encode_fields(draft.fields),
                                     std::to_string(to_ns(draft.created_at)),
                                     std::to_string(to_ns(draft.expires_at)),
                                     std::to_string(to_ns(due)),
                                     std::to_string(to_us(draft.not_before)),
                                     std::to_string(draft.max_attempts),
                                     draft.body_ref,
                                     draft.dedupe_key,
                                     print,
                                     std::to_string(draft.body.size()),
                                     std::to_string(redis_record_crc(draft)),
                                     draft.external ? "1" : "0",
                                     std::to_string(options_.limits.max_jobs),
                                     std::to_string(options_.limits.max_bytes),
                                     results_ttl(),
                                     body.upload,
                                     std::to_string(body.pieces),
                                     body.only};
  link_.run_as_member(link_.scripts().append, std::move(arguments),
                      timed([this, id = draft.id, dropped = std::move(dropped), done = std::move(done)](
                                const Result<RedisAnswer>& answer) { on_appended(id, dropped(), answer, done); }));
}

void RedisStore::on_appended(const std::string& id, bool unheard, const Result<RedisAnswer>& answer,
                             Done<Appended> done) {
  if (!answer) {
    if (in_doubt(answer.error()) && (unheard || options_.undo_failed_appends)) disown(id);
    return done(answer.error());
  }
  const auto number = [&](size_t index) { return std::strtoull(answer->text(index).c_str(), nullptr, 10); };
  if (answer->is("existing")) {
    return done(Appended{answer->text(0), number(2), true, static_cast<JobStatus>(number(1))});
  }
  if (!answer->is("ok")) return done(to_refusal(*answer, id));
  events_.on_work();
  done(Appended{id, number(0), false, JobStatus::queued});
}

void RedisStore::admit(const std::string& id, Done<Ok> done) {
  change(link_.scripts().admit, {id}, id, std::move(done));
}

void RedisStore::claim(Duration lease, Done<std::optional<ClaimedJob>> done) {
  link_.run_as_member(link_.scripts().claim, {std::to_string(to_us(lease)), results_ttl()},
                      timed([this, lease, done = std::move(done)](const Result<RedisAnswer>& answer) {
                        if (!answer) return done(answer.error());
                        if (answer->is("none")) return done(std::optional<ClaimedJob>());
                        if (!answer->is("job")) return done(to_refusal(*answer, ""));
                        on_claimed(lease, *answer, done);
                      }));
}

void RedisStore::on_claimed(Duration lease, const RedisAnswer& answer, Done<std::optional<ClaimedJob>> done) {
  const std::string& id = answer.text(0);
  if (answer.rest.size() < 2) return done(Error{ErrorCode::unavailable, "redis: a claim without its job"});
  auto job = to_claimed_job(id, answer.rest[1].items);
  if (job.ok()) {
    held_[id] = {job->claim, runtime_.now() + lease};
    return done(std::optional<ClaimedJob>(std::move(*job)));
  }
  const std::string claim_number = answer.rest[1].items.empty() ? "" : answer.rest[1].items[0].text;
  dead_letter_damaged(id, std::strtoull(claim_number.c_str(), nullptr, 10), job.error().message,
                      [this, lease, done = std::move(done)](const Status& buried) {
                        if (!buried && in_doubt(buried.error())) return done(buried.error());
                        claim(lease, done);
                      });
}

void RedisStore::claim_id(const std::string& id, Duration lease, Done<ClaimedJob> done) {
  const auto claimed = [this, id, lease, done = std::move(done)](const Result<RedisAnswer>& answer) {
    if (!answer) return done(answer.error());
    if (!answer->is("job")) return done(to_refusal(*answer, id));
    on_claimed(lease, *answer, [id, done](Result<std::optional<ClaimedJob>> job) {
      if (!job) return done(job.error());
      if (job->has_value() && (*job)->id == id) return done(std::move(**job));
      done(Error{ErrorCode::conflict, "the record of job " + id + " is damaged"});
    });
  };
  link_.run_as_member(link_.scripts().claim_id, {std::to_string(to_us(lease)), id}, timed(claimed));
}

void RedisStore::dead_letter_damaged(const std::string& id, uint64_t claim, const std::string& why,
                                     std::function<void(Status)> done) {
  const auto buried = [this, id, why, done = std::move(done)](const Status& status) {
    if (status.ok()) {
      log_error("job_damaged",
                {{"job_id", id}, {"store", options_.address.shown()}, {"reason", why + ": dead letter"}});
    }
    done(status);
  };
  end_claim(link_.scripts().damaged, {id, std::to_string(claim)}, id, false, buried);
}

void RedisStore::read_body(const ClaimedJob& job, std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count,
                           Done<std::string> done) {
  body->read(link_, offset, count,
             [this, id = job.id, claim = job.claim, done = std::move(done)](Result<std::string> bytes) {
               if (bytes.ok()) return done(std::move(bytes));
               const Error error = bytes.error();
               if (in_doubt(error)) return done(error);
               // Damaged, or lost: where the claim still holds, nobody else has ended the job and dropped its body.
               dead_letter_damaged(id, claim, error.message, [error, done](const Status&) {
                 done(Error{ErrorCode::io, error.message});
               });
             });
}

}  // namespace tidegate::jobs
