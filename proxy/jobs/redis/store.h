// The calls of the job queue on Redis: arguments to scripts, answers to values. Store's thread and its loop, which
// outlives it; each call answers exactly once, or never where the store is destroyed first (redis_thread.h waits for
// what is under way).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "jobs/redis/blob.h"
#include "jobs/redis/link.h"

namespace tidegate::jobs {

struct RedisResultHead {
  uint16_t status = 0;
  FieldList fields;
  std::shared_ptr<RedisBlob> body;
};

class RedisStore {
 public:
  struct Events {
    std::function<void(QueueView)> on_view;
    std::function<void(const std::string&)> on_unavailable;
    std::function<void()> on_work;  // a claim may find more than before
  };
  template <typename T>
  using Done = std::function<void(Result<T>)>;
  using Dropped = std::function<bool()>;  // nobody waits any more

  RedisStore(net::Runtime& runtime, const RedisQueueOptions& options, Events events);

  // redis_store_intake.cc
  void append(std::shared_ptr<const JobDraft> draft, Dropped dropped, Done<Appended> done);
  void claim(Duration lease, Done<std::optional<ClaimedJob>> done);
  void claim_id(const std::string& id, Duration lease, Done<ClaimedJob> done);
  void admit(const std::string& id, Done<Ok> done);
  // An append that nobody has heard of, or that failed in doubt: cancelled, now or when the server is back.
  void disown(const std::string& id);
  // A claim that nobody has heard of.
  void give_back(const ClaimedJob& job);
  void read_body(const ClaimedJob& job, std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count,
                 Done<std::string> done);

  // redis_store.cc
  void renew(const ClaimedJob& job, Duration lease, Done<Ok> done);
  void succeed(const ClaimedJob& job, const AttemptRecord& attempt, std::shared_ptr<const StoredResponse> response,
               Dropped dropped, Done<Ok> done);
  void retry(const ClaimedJob& job, const AttemptRecord& attempt, WallTime not_before, Done<Ok> done);
  void dead_letter(const ClaimedJob& job, const AttemptRecord& attempt, Done<Ok> done);
  void release(const ClaimedJob& job, WallTime not_before, Done<Ok> done);

  // redis_store_asked.cc
  void find(const std::string& id, Done<JobRecord> done);
  void result(const std::string& id, Done<RedisResultHead> done);
  void read_result(std::shared_ptr<RedisBlob> body, uint64_t offset, size_t count, Done<std::string> done);
  void cancel(const std::string& id, Done<Ok> done);
  void replay(const std::string& id, bool force, Done<Ok> done);
  void purge(const std::string& id, Done<Ok> done);
  void list(const JobFilter& filter, Done<JobPage> done);
  void tidy(int rounds_left = 50);

  // The last call: what is still held is over.
  void leave(std::function<void()> done);

 private:
  using Answered = RedisLink::Done;

  RedisLink::Events link_events();
  void on_view(QueueView view);
  void on_poll();
  std::vector<std::string> jobs_held();
  void undo_disowned();
  void append_uploaded(const JobDraft& draft, const UploadedBody& body, const std::string& print, Dropped dropped,
                       Done<Appended> done);
  void on_appended(const std::string& id, bool unheard, const Result<RedisAnswer>& answer, Done<Appended> done);
  void on_claimed(Duration lease, const RedisAnswer& answer, Done<std::optional<ClaimedJob>> done);
  void dead_letter_damaged(const std::string& id, uint64_t claim, const std::string& why,
                           std::function<void(Status)> done);
  // A change whose answer is yes or no; timed.
  void change(const redis::Script& script, std::vector<std::string> arguments, const std::string& id, Done<Ok> done);
  // The end of a claim: the job is not held any more once the answer is certain.
  void end_claim(const redis::Script& script, std::vector<std::string> arguments, const std::string& id,
                 bool makes_work, Done<Ok> done);
  // Measures from now to the answer.
  Answered timed(Answered done);
  std::string results_ttl() const { return std::to_string(to_us(options_.limits.results_ttl)); }

  net::Runtime& runtime_;
  const RedisQueueOptions options_;
  const Events events_;
  QueueView seen_;                    // the last view, as the server counts
  std::optional<QueueView> at_open_;  // the first
  struct Held {
    uint64_t claim;
    Time until;
  };
  std::map<std::string, Held> held_;  // jobs handed out to this process, until about when
  std::deque<std::string> disowned_;
  RedisLink link_;
};

}  // namespace tidegate::jobs
