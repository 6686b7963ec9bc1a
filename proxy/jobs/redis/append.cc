#include <algorithm>
#include <utility>

#include "config/store_limits.h"
#include "jobs/record_codec.h"
#include "jobs/redis/operations.h"

namespace tidegate::jobs {

namespace {

// An append with its body on the way.
struct Append {
  std::shared_ptr<const JobDraft> draft;
  std::shared_ptr<Fingerprint> fingerprint;  // null without a key: only a key makes anyone compare payloads
  RedisStore::Dropped dropped;
  RedisDone<Appended> done;
};

// The body of an external draft is counted and hashed, not stored.
Status hash_body(const BodyContent& body, Fingerprint& fingerprint) {
  if (!body.file) fingerprint.add(body.memory);
  for (uint64_t at = 0; body.file && at < body.size();) {
    const auto piece = body.file->read_at(at, kBlobPiece);
    if (!piece) return piece.error();
    if (piece->empty()) return Error{ErrorCode::io, "a spooled body is shorter than it was"};
    fingerprint.add(*piece);
    at += piece->size();
  }
  return Ok{};
}

// As scripts/append.lua reads them.
std::vector<std::string> arguments_of(const RedisStore& store, const Append& append, const UploadedBody& body) {
  const JobDraft& draft = *append.draft;
  const QueueLimits limits = store.options().limits.get();
  return {draft.id,
          draft.route,
          draft.method,
          draft.target,
          encode_fields(draft.fields),
          std::to_string(to_ns(draft.created_at)),
          std::to_string(to_ns(draft.expires_at)),
          std::to_string(to_ns(std::max(draft.created_at, draft.not_before))),
          std::to_string(to_us(draft.not_before)),
          std::to_string(draft.max_attempts),
          draft.body_ref,
          draft.dedupe_key,
          append.fingerprint ? append.fingerprint->finish() : "",
          std::to_string(draft.body.size()),
          std::to_string(redis_record_crc(draft)),
          draft.external ? "1" : "0",
          std::to_string(limits.max_jobs),
          std::to_string(limits.max_bytes),
          store.results_ttl(),
          body.upload,
          std::to_string(body.pieces),
          body.only};
}

void on_reply(RedisStore& store, const Append& append, const Result<ScriptReply>& reply) {
  const std::string& id = append.draft->id;
  if (!reply) {
    if (in_doubt(reply.error()) && (append.dropped() || store.options().undo_failed_appends)) store.undo_append(id);
    return append.done(reply.error());
  }
  if (reply->is("existing")) {
    return append.done(Appended{reply->text(0), reply->number(2), true, static_cast<JobStatus>(reply->number(1))});
  }
  if (!reply->is("ok")) return append.done(to_refusal(*reply, id));
  store.announce_work();
  append.done(Appended{id, reply->number(0), false, JobStatus::queued});
}

void run_script(RedisStore& store, const Append& append, const UploadedBody& body) {
  store.link().run_as_member(
      store.scripts().append, arguments_of(store, append, body),
      store.timed([&store, append](const Result<ScriptReply>& reply) { on_reply(store, append, reply); }));
}

}  // namespace

void append_job(RedisStore& store, std::shared_ptr<const JobDraft> draft, RedisStore::Dropped dropped,
                RedisDone<Appended> done) {
  if (!store.link().ready()) return done(store.link().unavailable());
  if (dropped()) return done(Error{ErrorCode::cancelled, "nobody waits"});
  if (draft->body.size() > config::kRedisBodyMax) {
    return done(Error{ErrorCode::exhausted, "body_too_large for the store"});
  }
  if (draft->body.size() > store.options().limits.get().max_bytes) {
    return done(Error{ErrorCode::exhausted, "max_bytes reached"});
  }
  Append append{std::move(draft), nullptr, std::move(dropped), std::move(done)};
  const JobDraft& job = *append.draft;
  if (!job.dedupe_key.empty()) append.fingerprint = std::make_shared<Fingerprint>(job);
  if (job.external) {
    const Status hashed = append.fingerprint ? hash_body(job.body, *append.fingerprint) : Status(Ok{});
    return hashed ? run_script(store, append, {}) : append.done(hashed.error());
  }
  RedisUpload::start(store.link(), "body:" + job.id, job.body, append.fingerprint, append.dropped,
                     [&store, append](const Result<UploadedBody>& body) {
                       body ? run_script(store, append, *body) : append.done(body.error());
                     });
}

void admit_job(RedisStore& store, const std::string& id, RedisDone<Ok> done) {
  store.change(store.scripts().admit, {id}, id, std::move(done));
}

}  // namespace tidegate::jobs
