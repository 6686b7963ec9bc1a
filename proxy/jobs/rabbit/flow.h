// One call to the RabbitMQ queue: steps on the caller's loop, between the record store and the broker's thread. A flow
// goes on when its caller lets go of it, and undoes what nobody waits for: a record, a claim, a message never hang in
// the air. Owned by the queue's RabbitParts until it ends; at the end of the queue it is dropped as it is.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "jobs/job_queue.h"
#include "jobs/rabbit/shelf.h"
#include "jobs/rabbit/thread.h"
#include "net/timer.h"

namespace tidegate::jobs {

class RabbitFlow;

// What the flows of a queue share. Destroyed from the bottom: flows, thread, shelf, records.
struct RabbitParts {
  RabbitParts(std::unique_ptr<RecordStore> store, RabbitThreadOptions options);
  ~RabbitParts();

  std::string why_unavailable() const;  // "" = both are there

  std::unique_ptr<RecordStore> records;
  RabbitShelf shelf;
  RabbitThread thread;
  std::atomic<uint64_t> damaged{0};

  std::mutex mutex;
  std::unordered_map<RabbitFlow*, std::unique_ptr<RabbitFlow>> flows;
};

class RabbitFlow : public net::Disposable {
 public:
  // On `home`. What the caller gets: destroying it lets go.
  template <typename Flow, typename... Args>
  static OperationPtr start(RabbitParts& parts, net::Runtime& home, Args&&... args) {
    return begin(std::make_unique<Flow>(parts, home, std::forward<Args>(args)...));
  }

 protected:
  RabbitFlow(RabbitParts& parts, net::Runtime& home)
      : parts_(parts), home_(home), timer_(home, [this] { on_timer(); }) {}

  virtual void run() = 0;  // the first step; later than the call that started the flow
  virtual void on_timeout() {}
  virtual void on_dropped() {}  // the callback is to be forgotten
  // The flow is over; nothing of it may be touched after that but locals.
  void end();

  RabbitParts& parts_;
  net::Runtime& home_;
  OperationPtr step_;
  net::Timer timer_;
  bool dropped_ = false;

 private:
  class Handle;
  static OperationPtr begin(std::unique_ptr<RabbitFlow> flow);
  void on_timer();

  bool running_ = false;
  std::shared_ptr<RabbitFlow*> self_ = std::make_shared<RabbitFlow*>(this);  // null inside: it has ended
};

// The parts of flows that begin elsewhere (rabbit_append.cc, rabbit_claim.cc, rabbit_letters.cc).
OperationPtr start_append(RabbitParts& parts, net::Runtime& home, JobDraft draft, Callback<Appended> done);
OperationPtr start_claim(RabbitParts& parts, net::Runtime& home, Duration lease,
                         Callback<std::optional<ClaimedJob>> done);
OperationPtr start_replay(RabbitParts& parts, net::Runtime& home, const std::string& id, bool force, Callback<Ok> done);
OperationPtr start_purge(RabbitParts& parts, net::Runtime& home, const std::string& id, Callback<Ok> done);

// The end of a claim: first in the record, then its message goes where the record says it is.
struct RabbitEnd {
  enum class Kind : uint8_t { succeed, retry, release, bury } kind;
  ClaimedJob job;
  WallTime not_before{};
  std::function<OperationPtr(Callback<Ok>)> in_record;
};
OperationPtr start_end(RabbitParts& parts, net::Runtime& home, RabbitEnd end, Callback<Ok> done);

// "[{"at":…,"took_ms":…,"error":…},…]"
std::string history_json(const JobRecord& record);

}  // namespace tidegate::jobs
