#include <utility>

#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/record_codec.h"
#include "jobs/redis/operations.h"

namespace tidegate::jobs {

namespace {

// The end of a claim: the job is not held any more once the reply is certain.
void end_claim(RedisStore& store, const redis::Script& script, std::vector<std::string> arguments,
               const std::string& id, RedisDone<Ok> done) {
  store.change(script, std::move(arguments), id, [&store, id, done = std::move(done)](const Status& status) {
    const bool certain =
        status.ok() || status.error().code == ErrorCode::conflict || status.error().code == ErrorCode::not_found;
    if (certain) store.held().remove(id);
    done(status);
  });
}

std::vector<std::string> claim_arguments(const ClaimedJob& job) { return {job.id, std::to_string(job.claim)}; }

std::vector<std::string> attempt_arguments(const ClaimedJob& job, const AttemptRecord& attempt) {
  return {job.id, std::to_string(job.claim), std::to_string(to_ns(attempt.at)), std::to_string(attempt.took.count()),
          attempt.error};
}

void add_time(std::vector<std::string>& arguments, WallTime time) {
  arguments.push_back(std::to_string(to_ns(time)));
  arguments.push_back(std::to_string(to_us(time)));
}

std::vector<std::string> retry_arguments(const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before) {
  auto arguments = attempt_arguments(job, attempt);
  arguments.push_back(std::to_string(to_ns(attempt.at + attempt.took)));
  add_time(arguments, not_before);
  return arguments;
}

void add_response(std::vector<std::string>& arguments, const StoredResponse& response, UploadedBody body) {
  const std::string fields = encode_fields(response.fields);
  const std::string size = std::to_string(response.body.size());
  const uint32_t crc = crc32c(size, result_head_crc(response.status, fields));
  for (std::string value : {std::to_string(response.status), fields, std::to_string(crc), size, body.upload,
                            std::to_string(body.pieces), std::move(body.only)}) {
    arguments.push_back(std::move(value));
  }
}

}  // namespace

void renew_claim(RedisStore& store, const ClaimedJob& job, Duration lease, RedisDone<Ok> done) {
  auto arguments = claim_arguments(job);
  arguments.push_back(std::to_string(to_us(lease)));
  const Time until = store.runtime().now() + lease;
  store.change(store.scripts().renew, std::move(arguments), job.id,
               [&store, id = job.id, until, done = std::move(done)](const Status& status) {
                 if (status.ok()) store.held().extend(id, until);
                 done(status);
               });
}

void succeed_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt,
                 std::shared_ptr<const StoredResponse> response, RedisStore::Dropped dropped, RedisDone<Ok> done) {
  const BodyContent& content = response->body;
  const auto on_uploaded = [&store, job, attempt, response, done = std::move(done)](Result<UploadedBody> body) {
    if (!body) return done(body.error());
    auto arguments = attempt_arguments(job, attempt);
    add_response(arguments, *response, std::move(*body));
    end_claim(store, store.scripts().succeed, std::move(arguments), job.id, done);
  };
  RedisUpload::start(store.link(), "result:" + job.id, content, nullptr, std::move(dropped), on_uploaded);
}

void retry_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before,
               RedisDone<Ok> done) {
  end_claim(store, store.scripts().retry, retry_arguments(job, attempt, not_before), job.id, std::move(done));
}

void defer_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before,
               RedisDone<Ok> done) {
  auto arguments = retry_arguments(job, attempt, not_before);
  arguments.push_back(std::to_string(JobQueue::kDeferralsKept));
  end_claim(store, store.scripts().defer, std::move(arguments), job.id, std::move(done));
}

void dead_letter_job(RedisStore& store, const ClaimedJob& job, const AttemptRecord& attempt, RedisDone<Ok> done) {
  end_claim(store, store.scripts().dead_letter, attempt_arguments(job, attempt), job.id, std::move(done));
}

void dead_letter_damaged(RedisStore& store, const std::string& id, uint64_t claim, const std::string& reason,
                         RedisDone<Ok> done) {
  const auto on_ended = [&store, id, reason, done = std::move(done)](const Status& status) {
    if (status.ok()) {
      log_error("job_damaged", {{"job_id", id}, {"store", store.address()}, {"reason", reason + ": dead letter"}});
    }
    done(status);
  };
  end_claim(store, store.scripts().damaged, {id, std::to_string(claim)}, id, on_ended);
}

void release_job(RedisStore& store, const ClaimedJob& job, WallTime not_before, RedisDone<Ok> done) {
  auto arguments = claim_arguments(job);
  add_time(arguments, not_before);
  end_claim(store, store.scripts().release, std::move(arguments), job.id,
            [&store, done = std::move(done)](const Status& status) {
              if (status.ok()) store.announce_work();
              done(status);
            });
}

}  // namespace tidegate::jobs
