// The job queue of the simulator: in memory, with the behaviour of a store. It replies after a delay from the seed,
// fails, stalls, and at crash() loses what was not yet "synced", as a disk would.
#pragma once

#include <memory>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

struct SimQueueFaults {
  Duration delay_min = 200us;
  Duration delay_max = 5ms;
  double fail = 0;   // probability that a call ends as unavailable (it may have happened all the same: half of them do)
  double stall = 0;  // probability that a reply takes `stall_for`
  Duration stall_for = 10s;
  bool disk_full = false;  // every change ends as exhausted; what only reads does not
};

class SimQueue : public JobQueue {
 public:
  static std::unique_ptr<SimQueue> make(net::Runtime& runtime, const QueueLimits& limits, uint64_t seed);
  virtual void set_faults(const SimQueueFaults& faults) = 0;
  // The process and its disk's cache are lost: pending calls never complete, uncompleted changes may be lost or kept
  // (by the seed), completed ones are kept, running jobs are claimable again.
  virtual void crash() = 0;
  // Every job ever made durable, for invariants: id and record.
  virtual std::vector<JobRecord> all() const = 0;
  // A header field of the job's request; "" = none.
  virtual std::string field(const std::string& id, std::string_view name) const = 0;
  virtual std::optional<StoredResponse> stored_result(const std::string& id) const = 0;
  // The job is there, without a call and its delay: for more jobs than clients could park. REQUIRES that it fits.
  virtual void append_at_once(const JobDraft& draft) = 0;
};

}  // namespace tidegate::jobs
