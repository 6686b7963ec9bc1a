// Replays many dead letters of one queue, one after the other at a steady pace, on the admin interface's loop.
//
//   start ──▶ paging ──page──▶ waiting ──interval──▶ replaying ──▶ waiting …   the page is done ──▶ paging
//                │ no more, the limit, stop(), or the store is away: finished, with the reason
//
// It goes through the queue once, oldest first: what dies again meanwhile lies behind it and is not replayed again.
// Jobs that were replayed kReplaysMax times already are skipped and counted, unless forced.
#pragma once

#include <string>
#include <vector>

#include "admin/jobs_request.h"
#include "net/timer.h"

namespace tidegate::admin {

class BulkReplay {
 public:
  // Runtime and queue outlive it. Begins at once.
  BulkReplay(net::Runtime& runtime, jobs::JobQueue& queue, const JobsRequest& request);

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
  const JobsRequest request_;
  jobs::JobFilter filter_;
  WallTime started_at_;
  std::optional<WallTime> ended_at_;
  std::string why_;
  std::vector<std::string> ids_;  // of the page; the last one is next
  bool last_page_ = false;
  uint64_t replayed_ = 0;
  uint64_t skipped_ = 0;  // replayed too often
  uint64_t gone_ = 0;     // no longer dead when its turn came
  jobs::OperationPtr operation_;
  net::Timer pace_;
};

}  // namespace tidegate::admin
