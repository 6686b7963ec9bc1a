// The queues of this process, and the stores of their callbacks, while another process takes them over. On the main
// loop.
//
//   hold ──idle──▶ close ──closed──▶ give_away: the other process has them
//     └───────────────┴──▶ take_back, again and again until it is true: they are here as before
//
// From hold to the end calls to them wait, each for jobs::HeldCalls::kHeldMax at most, unless refuse_calls() ends that.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/handover/protocol.h"
#include "core/gateway.h"
#include "jobs/handover/handover_queue.h"
#include "jobs/handover/remote_calls.h"
#include "net/runtime.h"

namespace tidegate::cli {

class GivenQueues {
 public:
  // Both outlive this; what is under way when it ends is silent.
  GivenQueues(net::Runtime& runtime, core::Gateway& gateway) : runtime_(runtime), gateway_(gateway) {}
  ~GivenQueues() { *alive_ = false; }

  // Why the other process cannot have them: a queue that holds jobs, also one that a reload has removed, would be
  // missing there, or be in another store. "": it can.
  std::string refusal(const Prepared& prepared) const;
  // `idle` runs later, once: the calls made before have ended.
  void hold(std::function<void()> idle);
  // REQUIRES hold(). `closed` runs later, once; until then they cannot be taken back.
  void close(std::function<void()> closed);
  bool closing() const { return left_ > 0 && !closed_.empty(); }
  bool close_begun() const { return !closed_.empty(); }
  void give_away(const std::shared_ptr<jobs::RemoteCalls>& calls);
  // False: another process has a store still, or it cannot be opened. REQUIRES that they are not closing.
  bool take_back();
  // Calls to those that are not back fail, and so do those that wait. Returns why one is not.
  std::string refuse_calls();

 private:
  std::vector<jobs::HandoverQueue*> queues() const;
  bool reopen(jobs::HandoverQueue& queue);
  std::function<void()> await_all(size_t queues, std::function<void()> done);

  net::Runtime& runtime_;
  core::Gateway& gateway_;
  std::vector<jobs::HandoverQueue*> held_;
  std::vector<jobs::HandoverQueue*> closed_;  // of them, those that have to be opened again
  size_t left_ = 0;                           // of await_all(): that are still busy, or still open
  std::string why_not_back_;
  uint64_t waits_ = 0;  // so far: what an earlier one awaited does not count
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// Which store a queue has, without what may change: to be compared with another's.
std::string store_of(const config::Queue& queue);

}  // namespace tidegate::cli
