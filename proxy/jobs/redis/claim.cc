#include <utility>

#include "base/log.h"
#include "jobs/redis/operations.h"

namespace tidegate::jobs {

namespace {

// A job that the server has handed out; one whose record is damaged is dead-lettered, and another is claimed.
void on_claimed(RedisStore& store, Duration lease, const ScriptReply& reply,
                RedisDone<std::optional<ClaimedJob>> done) {
  const std::string& id = reply.text(0);
  if (reply.rest.size() < 2) return done(Error{ErrorCode::unavailable, "redis: a claim without its job"});
  auto job = to_claimed_job(id, reply.rest[1].items);
  if (job.ok()) {
    store.held().add(*job, store.runtime().now() + lease);
    return done(std::optional<ClaimedJob>(std::move(*job)));
  }
  const std::string claim_number = reply.rest[1].items.empty() ? "" : reply.rest[1].items[0].text;
  dead_letter_damaged(store, id, std::strtoull(claim_number.c_str(), nullptr, 10), job.error().message,
                      [&store, lease, done = std::move(done)](const Status& status) {
                        if (!status && in_doubt(status.error())) return done(status.error());
                        claim_job(store, lease, done);
                      });
}

}  // namespace

void claim_job(RedisStore& store, Duration lease, RedisDone<std::optional<ClaimedJob>> done) {
  const auto on_reply = [&store, lease, done = std::move(done)](const Result<ScriptReply>& reply) {
    if (!reply) return done(reply.error());
    if (reply->is("none")) return done(std::optional<ClaimedJob>());
    if (!reply->is("job")) return done(to_refusal(*reply, ""));
    on_claimed(store, lease, *reply, done);
  };
  store.link().run_as_member(store.scripts().claim, {std::to_string(to_us(lease)), store.results_ttl()},
                             store.timed(on_reply));
}

void claim_job_by_id(RedisStore& store, const std::string& id, Duration lease, RedisDone<ClaimedJob> done) {
  const auto on_reply = [&store, id, lease, done = std::move(done)](const Result<ScriptReply>& reply) {
    if (!reply) return done(reply.error());
    if (!reply->is("job")) return done(to_refusal(*reply, id));
    on_claimed(store, lease, *reply, [id, done](Result<std::optional<ClaimedJob>> job) {
      if (!job) return done(job.error());
      if (job->has_value() && (*job)->id == id) return done(std::move(**job));
      done(Error{ErrorCode::conflict, "the record of job " + id + " is damaged"});
    });
  };
  store.link().run_as_member(store.scripts().claim_id, {std::to_string(to_us(lease)), id}, store.timed(on_reply));
}

void give_back(RedisStore& store, const ClaimedJob& job) {
  store.held().remove(job.id);  // should this fail, joining gives it back
  release_job(store, job, WallTime{}, [](const Status&) {});
}

void read_body(RedisStore& store, const ClaimedJob& job, std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count,
               RedisDone<std::string> done) {
  body->read(store.link(), offset, count,
             [&store, id = job.id, claim = job.claim, done = std::move(done)](Result<std::string> bytes) {
               if (bytes.ok()) return done(std::move(bytes));
               const Error error = bytes.error();
               if (in_doubt(error)) return done(error);
               // Damaged, or lost: where the claim still holds, nobody else has ended the job and dropped its body.
               dead_letter_damaged(store, id, claim, error.message, [error, done](const Status&) {
                 done(Error{ErrorCode::io, error.message});
               });
             });
}

}  // namespace tidegate::jobs
