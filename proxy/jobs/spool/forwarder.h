// Moves jobs from the spool to the server, a batch at a time: their order is kept, and each is forgotten here only when
// the server has said that it has it.
//
//             spool holds jobs, server well
//   waiting ───────────────────────────────▶ claiming ──▶ reading bodies ──▶ appending ──▶ forgetting ─┐
//      ▲  ▲                                     │ none          │ failed: given back, a while later     │
//      │  └─────────────────────────────────────┴───────────────┴───────────────────────────────────────┘
//
// A job that the server refuses in the middle of a batch comes behind those after it; one that it refuses again and
// again (a body larger than the broker takes) does so for a minute, and holds nobody up. One whose key the server has
// given to another job meanwhile is forwarded without its key: it was promised, so it is run. Lives on one loop.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jobs/sqlite/queue.h"
#include "net/timer.h"

namespace tidegate::jobs {

class SpoolForwarder {
 public:
  // All outlive the forwarder.
  SpoolForwarder(net::Runtime& runtime, const std::string& name, JobQueue& server, SqliteSpool& spool);
  ~SpoolForwarder();

  // Moves nothing more. What is under way is found at the server by the next run.
  void stop();

  // Any thread. True: the server has been seen to fail and not to recover since; what comes goes to the spool.
  bool suspects_server() const { return suspects_.load(std::memory_order_relaxed); }
  // Any thread. The server has failed an append, or not answered it in time.
  void suspect_server(const std::string& why);
  // Any thread. Nobody was promised that job, or somebody has cancelled it, but it may lie at the server or be on its
  // way there: it is cancelled there when it can be, and looked for more than once.
  void disown(const std::string& id);

 private:
  struct Item;
  struct Disowned {
    std::string id;
    int looks_left;
    Time due;
  };
  enum class State { waiting, claiming, reading, appending, forgetting };

  void look();
  void claim_batch();
  void on_claimed(Result<std::optional<ClaimedJob>> job);
  void read_bodies();
  void append_batch();
  void append(Item& item);
  void on_appended(Item& item, Result<Appended> appended);
  void be_sure_of(Item& item, const Error& conflict);
  void settle(Item& item, const Status& appended);
  void forget_batch();
  void one_done();
  void next_stage();
  void cancel_disowned();
  void disown(Disowned disowned);
  void wait(Duration time);
  void be_sure_of_server();

  net::Runtime& runtime_;
  const std::string name_;
  JobQueue& server_;
  SqliteSpool& spool_;
  State state_ = State::waiting;
  std::deque<std::unique_ptr<Item>> batch_;  // in the order of their coming
  std::vector<OperationPtr> claims_;
  size_t left_ = 0;         // of the stage's calls
  bool failed_ = false;     // in this batch; the next one is of one job, to see
  std::string refused_;     // the job that failed last
  int times_refused_ = 0;   // in a row
  uint64_t forwarded_ = 0;  // since the start, for the log
  std::atomic<bool> suspects_{false};
  std::mutex mutex_;
  std::deque<Disowned> disowned_;  // in the order of their time
  OperationPtr cancelling_;
  net::Timer timer_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace tidegate::jobs
