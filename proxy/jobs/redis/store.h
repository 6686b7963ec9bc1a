// What the queue on Redis knows and holds: its connection, the claims of this process, and appends that must be undone.
// What each call of the queue does with it is in operations.h. Store's thread and its loop, which outlives it; every
// operation completes exactly once, or never where the store is destroyed first (thread.h waits for what is under way).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "jobs/redis/link.h"

namespace tidegate::jobs {

// Jobs handed out to this process, until about when.
class HeldClaims {
 public:
  void add(const ClaimedJob& job, Time until) { claims_[job.id] = {job.claim, until}; }
  void extend(const std::string& id, Time until);
  void remove(const std::string& id) { claims_.erase(id); }
  // Ids of those whose lease is not over at `now`; the others are dropped.
  std::vector<std::string> ids(Time now);
  // Id and number of each.
  std::vector<std::string> ids_and_numbers() const;

 private:
  struct Claim {
    uint64_t number;
    Time until;
  };
  std::map<std::string, Claim> claims_;
};

class RedisStore {
 public:
  struct Events {
    std::function<void(QueueView)> on_view;
    std::function<void(const std::string& reason)> on_unavailable;
    std::function<void()> on_work;  // a claim may find more than before
  };
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Dropped = std::function<bool()>;  // nobody waits any more

  RedisStore(net::Runtime& runtime, const RedisQueueOptions& options, Events events);

  // An append whose caller has gone, or that failed in doubt: cancelled, now or when the server has recovered.
  void undo_append(const std::string& id);
  // The last call: the claims that are still held are over.
  void leave(std::function<void()> done);

  // For the operations.
  RedisLink& link() { return link_; }
  const RedisScripts& scripts() const { return link_.scripts(); }
  net::Runtime& runtime() { return runtime_; }
  const RedisQueueOptions& options() const { return options_; }
  HeldClaims& held() { return held_; }
  void announce_work() const { events_.on_work(); }
  std::string results_ttl() const { return std::to_string(to_us(options_.limits.get().results_ttl)); }
  std::string address() const { return options_.address.shown(); }
  // A change whose reply is yes or no; timed.
  void change(const redis::Script& script, std::vector<std::string> arguments, const std::string& id, Done<Ok> done);
  // Measures from now to the reply (RedisQueueOptions::on_commit).
  RedisLink::Done timed(RedisLink::Done done) const;

 private:
  RedisLink::Events link_events();
  void on_view(QueueView view);
  void on_poll();
  void undo_appends();

  net::Runtime& runtime_;
  const RedisQueueOptions options_;
  const Events events_;
  QueueView last_view_;                    // as the server counts
  std::optional<QueueView> view_at_open_;  // the first
  HeldClaims held_;
  std::deque<std::string> to_undo_;
  RedisLink link_;
};

}  // namespace tidegate::jobs
