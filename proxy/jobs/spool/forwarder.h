// Moves jobs from the spool to the server, a batch at a time: their order is kept, and each is removed here only when
// the server has confirmed that it has it.
//
//             spool holds jobs, server healthy
//   waiting ──────────────────────────────────▶ claiming ──▶ reading bodies ──▶ appending ──▶ removing ─┐
//      ▲  ▲                                        │ none          │ failed: released, a while later    │
//      │  └────────────────────────────────────────┴───────────────┴────────────────────────────────────┘
//      └──▶ probing: a suspected server is probed once before new jobs go to it again
//
// A job that the server refuses in the middle of a batch comes behind those after it; one that it refuses again and
// again (a body larger than the broker takes) is set aside for a minute, and holds nobody up. One whose key the server
// has given to another job meanwhile is forwarded without its key: it was promised, so it is run. Lives on one loop.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "jobs/spool/cancellations.h"
#include "jobs/sqlite/queue.h"
#include "net/timer.h"

namespace tidegate::jobs {

class SpoolForwarder {
 public:
  // All outlive the forwarder.
  SpoolForwarder(net::Runtime& runtime, const std::string& name, JobQueue& server, SqliteSpool& spool,
                 ServerCancellations& cancellations);
  ~SpoolForwarder();

  // Moves nothing more. What is under way is found at the server by the next run.
  void stop();

  // Any thread. True: the server has failed and not recovered since; what comes goes to the spool.
  bool suspects_server() const { return suspects_server_.load(std::memory_order_relaxed); }
  // Any thread. The server has failed an append, or not completed it in time.
  void suspect_server(const std::string& reason);

 private:
  struct Item;
  enum class State { waiting, probing, claiming, reading, appending, removing };

  void poll();
  void probe_server();
  void claim_batch();
  void on_claimed(Result<std::optional<ClaimedJob>> job);
  void read_bodies();
  void append_batch();
  void append(Item& item);
  void on_appended(Item& item, Result<Appended> appended);
  void verify_at_server(Item& item, const Error& conflict);
  void settle(Item& item, const Status& appended);
  void remove_batch();
  void on_call_done();
  void next_stage();
  void wait(Duration time);

  net::Runtime& runtime_;
  const std::string name_;
  JobQueue& server_;
  SqliteSpool& spool_;
  ServerCancellations& cancellations_;
  State state_ = State::waiting;
  std::deque<std::unique_ptr<Item>> batch_;  // in the order in which they came
  std::vector<OperationPtr> calls_;          // of claiming and probing
  size_t calls_left_ = 0;                    // of the stage
  bool failed_ = false;                      // in this batch; the next one is of one job, to see
  std::string refused_;                      // the job that failed last
  int times_refused_ = 0;                    // in a row
  uint64_t forwarded_ = 0;                   // since the start, for the log
  std::atomic<bool> suspects_server_{false};
  net::Timer timer_;
  const std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace tidegate::jobs
