#include "jobs/redis/store.h"

#include <utility>

#include "base/log.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kToUndoMax = 10'000;

uint64_t queued_in(const QueueView& view) { return view.depth[static_cast<size_t>(JobStatus::queued)]; }

}  // namespace

// ---- claims of this process ----

void HeldClaims::extend(const std::string& id, Time until) {
  const auto found = claims_.find(id);
  if (found != claims_.end()) found->second.until = until;
}

std::vector<std::string> HeldClaims::ids(Time now) {
  std::erase_if(claims_, [&](const auto& claim) { return claim.second.until < now; });
  std::vector<std::string> ids;
  for (const auto& claim : claims_) ids.push_back(claim.first);
  return ids;
}

std::vector<std::string> HeldClaims::ids_and_numbers() const {
  std::vector<std::string> claims;
  for (const auto& [id, claim] : claims_) {
    claims.push_back(id);
    claims.push_back(std::to_string(claim.number));
  }
  return claims;
}

// ---- the store ----

RedisStore::RedisStore(net::Runtime& runtime, const RedisQueueOptions& options, Events events)
    : runtime_(runtime), options_(options), events_(std::move(events)), link_(runtime, options, link_events()) {}

RedisLink::Events RedisStore::link_events() {
  RedisLink::Events events;
  events.on_view = [this](QueueView view) { on_view(std::move(view)); };
  events.on_poll = [this] { on_poll(); };
  events.on_unavailable = [this](const std::string& reason) { events_.on_unavailable(reason); };
  events.jobs_held = [this] { return held_.ids(runtime_.now()); };
  events.on_joined = [this] {
    undo_appends();
    announce_work();
  };
  return events;
}

// The server counts since the queue was made; the contract, since it was opened.
void RedisStore::on_view(QueueView view) {
  if (!view_at_open_) view_at_open_ = view;
  // Others' work shows as jobs queued that were not there before; our own appends show here too, and announce at once.
  const bool more = queued_in(view) > queued_in(last_view_);
  last_view_ = view;
  view.expired_total -= std::min(view.expired_total, view_at_open_->expired_total);
  view.damaged_total -= std::min(view.damaged_total, view_at_open_->damaged_total);
  events_.on_view(std::move(view));
  if (more) announce_work();
}

// Work that stays unclaimed is announced again: the process that took it may have died.
void RedisStore::on_poll() {
  const bool waits = queued_in(last_view_) > 0;
  if (waits && last_view_.next_due_at && *last_view_.next_due_at <= runtime_.wall_now()) announce_work();
}

void RedisStore::undo_append(const std::string& id) {
  if (to_undo_.size() >= kToUndoMax) {
    log_warn("queue_undo_overflow", {{"queue", options_.name}, {"job_id", to_undo_.front()}});
    to_undo_.pop_front();
  }
  to_undo_.push_back(id);
  if (link_.ready()) undo_appends();
}

void RedisStore::undo_appends() {
  for (const std::string& id : std::exchange(to_undo_, {})) {
    link_.run(scripts().cancel, {id}, [this, id](const Result<ScriptReply>& reply) {
      if (!reply) to_undo_.push_back(id);  // with the next connection
    });
  }
}

void RedisStore::leave(std::function<void()> done) { link_.leave(held_.ids_and_numbers(), std::move(done)); }

RedisLink::Done RedisStore::timed(RedisLink::Done done) const {
  if (!options_.on_commit) return done;
  return [this, begun = runtime_.now(), done = std::move(done)](Result<ScriptReply> reply) {
    if (reply.ok()) options_.on_commit(runtime_.now() - begun);
    done(std::move(reply));
  };
}

void RedisStore::change(const redis::Script& script, std::vector<std::string> arguments, const std::string& id,
                        Done<Ok> done) {
  link_.run(script, std::move(arguments), timed([id, done = std::move(done)](const Result<ScriptReply>& reply) {
              if (!reply) return done(reply.error());
              if (!reply->is("ok")) return done(to_refusal(*reply, id));
              done(Ok{});
            }));
}

}  // namespace tidegate::jobs
