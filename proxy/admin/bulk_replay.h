// Replays many dead jobs of one queue, one at a time at a steady rate, on the admin interface's event loop.
//
//   start ──▶ paging ──page──▶ waiting ──interval──▶ replaying ──▶ waiting …   end of the page ──▶ paging
//                │ no more jobs, limit reached, stop(), or store error: finished, with the reason
//
// It walks the queue once, oldest first: a job that is dead again is behind the cursor and is not replayed twice. A job
// that has already been replayed kReplaysMax times and failed each time is skipped and counted, unless forced.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "admin/jobs_request.h"
#include "net/timer.h"

namespace tidegate::admin {

class BulkReplay {
 public:
  // The runtime outlives it, and the queue lives as long as `held` is. Starts at once.
  BulkReplay(net::Runtime& runtime, jobs::JobQueue& queue, std::shared_ptr<const void> held,
             const JobsRequest& request);

  bool running() const { return !ended_at_; }
  void stop() { finish("stopped by an operator"); }
  // {"running","replayed","skipped","gone","limit","error","started_at","ended_at","why"}
  std::string json() const;

 private:
  void fetch_page();
  void on_page(Result<jobs::JobPage> page);
  void wait();
  void replay_next();
  void on_replayed(const Status& status);
  void finish(std::string why);

  net::Runtime& runtime_;
  jobs::JobQueue& queue_;
  std::shared_ptr<const void> held_;  // while it runs
  const JobsRequest request_;
  jobs::JobFilter filter_;
  WallTime started_at_;
  std::optional<WallTime> ended_at_;
  std::string why_;
  std::vector<std::string> ids_;  // the rest of the page; the last one is next
  bool last_page_ = false;
  uint64_t replayed_ = 0;
  uint64_t skipped_ = 0;  // replayed kReplaysMax times before
  uint64_t gone_ = 0;     // no longer dead
  jobs::OperationPtr operation_;
  net::Timer pace_;
};

}  // namespace tidegate::admin
