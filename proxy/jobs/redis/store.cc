#include "jobs/redis/store.h"

#include <utility>

#include "base/crc32c.h"
#include "base/log.h"
#include "jobs/record_codec.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kDisownedMax = 10'000;

std::vector<std::string> attempt_of(const ClaimedJob& job, const AttemptRecord& attempt) {
  return {job.id, std::to_string(job.claim), std::to_string(to_ns(attempt.at)), std::to_string(attempt.took.count()),
          attempt.error};
}

size_t index(JobStatus status) { return static_cast<size_t>(status); }

}  // namespace

RedisStore::RedisStore(net::Runtime& runtime, const RedisQueueOptions& options, Events events)
    : runtime_(runtime), options_(options), events_(std::move(events)), link_(runtime, options, link_events()) {}

RedisLink::Events RedisStore::link_events() {
  RedisLink::Events events;
  events.on_view = [this](QueueView view) { on_view(std::move(view)); };
  events.on_poll = [this] { on_poll(); };
  events.on_unavailable = [this](const std::string& why) { events_.on_unavailable(why); };
  events.jobs_held = [this] { return jobs_held(); };
  events.on_joined = [this] {
    undo_disowned();
    events_.on_work();
  };
  return events;
}

// The server counts since the queue was made; the contract, since it was opened.
void RedisStore::on_view(QueueView view) {
  if (!at_open_) at_open_ = view;
  // Others' work shows as jobs queued that were not there before; our own appends come by here too, and tell at once.
  const bool more = view.depth[index(JobStatus::queued)] > seen_.depth[index(JobStatus::queued)];
  seen_ = view;
  view.expired_total -= std::min(view.expired_total, at_open_->expired_total);
  view.damaged_total -= std::min(view.damaged_total, at_open_->damaged_total);
  events_.on_view(std::move(view));
  if (more) events_.on_work();
}

// Work that lies there unclaimed is told of again: whoever took it may have died.
void RedisStore::on_poll() {
  const bool waits = seen_.depth[index(JobStatus::queued)] > 0;
  if (waits && seen_.next_due_at && *seen_.next_due_at <= runtime_.wall_now()) events_.on_work();
}

std::vector<std::string> RedisStore::jobs_held() {
  const Time now = runtime_.now();
  std::erase_if(held_, [&](const auto& held) { return held.second.until < now; });
  std::vector<std::string> ids;
  for (const auto& held : held_) ids.push_back(held.first);
  return ids;
}

void RedisStore::disown(const std::string& id) {
  if (disowned_.size() >= kDisownedMax) {
    log_warn("queue_disowned_too_many", {{"queue", options_.name}, {"job_id", disowned_.front()}});
    disowned_.pop_front();
  }
  disowned_.push_back(id);
  if (link_.ready()) undo_disowned();
}

void RedisStore::undo_disowned() {
  for (const std::string& id : std::exchange(disowned_, {})) {
    link_.run(link_.scripts().cancel, {id}, [this, id](const Result<RedisAnswer>& answer) {
      if (!answer) disowned_.push_back(id);  // with the next connection
    });
  }
}

RedisStore::Answered RedisStore::timed(Answered done) {
  if (!options_.on_commit) return done;
  return [this, begun = runtime_.now(), done = std::move(done)](Result<RedisAnswer> answer) {
    if (answer.ok()) options_.on_commit(runtime_.now() - begun);
    done(std::move(answer));
  };
}

void RedisStore::change(const redis::Script& script, std::vector<std::string> arguments, const std::string& id,
                        Done<Ok> done) {
  link_.run(script, std::move(arguments), timed([id, done = std::move(done)](const Result<RedisAnswer>& answer) {
              if (!answer) return done(answer.error());
              if (!answer->is("ok")) return done(to_refusal(*answer, id));
              done(Ok{});
            }));
}

void RedisStore::end_claim(const redis::Script& script, std::vector<std::string> arguments, const std::string& id,
                           bool makes_work, Done<Ok> done) {
  change(script, std::move(arguments), id, [this, id, makes_work, done = std::move(done)](const Status& status) {
    const bool certain =
        status.ok() || status.error().code == ErrorCode::conflict || status.error().code == ErrorCode::not_found;
    if (certain) held_.erase(id);
    if (status.ok() && makes_work) events_.on_work();
    done(status);
  });
}

void RedisStore::renew(const ClaimedJob& job, Duration lease, Done<Ok> done) {
  std::vector<std::string> arguments{job.id, std::to_string(job.claim), std::to_string(to_us(lease))};
  const Time until = runtime_.now() + lease;
  change(link_.scripts().renew, std::move(arguments), job.id,
         [this, id = job.id, until, done = std::move(done)](const Status& status) {
           const auto held = held_.find(id);
           if (status.ok() && held != held_.end()) held->second.until = until;
           done(status);
         });
}

void RedisStore::succeed(const ClaimedJob& job, const AttemptRecord& attempt,
                         std::shared_ptr<const StoredResponse> response, Dropped dropped, Done<Ok> done) {
  const auto uploaded = [this, job, attempt, response, done = std::move(done)](Result<UploadedBody> body) {
    if (!body) return done(body.error());
    const std::string fields = encode_fields(response->fields);
    const std::string size = std::to_string(response->body.size());
    auto arguments = attempt_of(job, attempt);
    for (std::string value : {std::to_string(response->status), fields,
                              std::to_string(crc32c(size, result_head_crc(response->status, fields))), size,
                              body->upload, std::to_string(body->pieces), std::move(body->only)}) {
      arguments.push_back(std::move(value));
    }
    end_claim(link_.scripts().succeed, std::move(arguments), job.id, false, done);
  };
  RedisUpload::start(link_, "result:" + job.id, response->body, nullptr, std::move(dropped), uploaded);
}

void RedisStore::retry(const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before, Done<Ok> done) {
  auto arguments = attempt_of(job, attempt);
  arguments.push_back(std::to_string(to_ns(not_before)));
  arguments.push_back(std::to_string(to_us(not_before)));
  end_claim(link_.scripts().retry, std::move(arguments), job.id, false, std::move(done));
}

void RedisStore::dead_letter(const ClaimedJob& job, const AttemptRecord& attempt, Done<Ok> done) {
  end_claim(link_.scripts().dead_letter, attempt_of(job, attempt), job.id, false, std::move(done));
}

void RedisStore::release(const ClaimedJob& job, WallTime not_before, Done<Ok> done) {
  std::vector<std::string> arguments{job.id, std::to_string(job.claim), std::to_string(to_ns(not_before)),
                                     std::to_string(to_us(not_before))};
  end_claim(link_.scripts().release, std::move(arguments), job.id, true, std::move(done));
}

void RedisStore::leave(std::function<void()> done) {
  std::vector<std::string> claims;
  for (const auto& [id, held] : held_) {
    claims.push_back(id);
    claims.push_back(std::to_string(held.claim));
  }
  link_.leave(claims, std::move(done));
}

void RedisStore::give_back(const ClaimedJob& job) {
  held_.erase(job.id);  // should this fail, joining gives it back
  release(job, WallTime{}, [](const Status&) {});
}

}  // namespace tidegate::jobs
