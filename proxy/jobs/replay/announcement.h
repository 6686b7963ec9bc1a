// The announcement of one job's end, repeated until the EndAnnouncer has taken it. A job's end does not wait for it
// longer than Replayer::kAnnounceWithin.
//
//   announcing ──taken──────────────────────────────▶ over
//     │  ▲ └── no room for it, the time is over ──▶ lost ──▶ over
//     ▼  │ after kRetryDelay
//   waiting
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "jobs/replay/job_run_context.h"
#include "net/timer.h"

namespace tidegate::jobs {

class Announcement {
 public:
  // REQUIRES an announcer that wants the job. `over` runs once, later. Context and job outlive the announcement;
  // destroying it guarantees silence.
  Announcement(JobRunContext& context, const ClaimedJob& job, JobEvent end, std::function<void()> over);

 private:
  void announce();
  void on_announced(const Status& status);
  void lose(const std::string& reason);

  JobRunContext& context_;
  const ClaimedJob& job_;
  const JobEvent end_;
  const std::function<void()> over_;
  const Time until_;
  int calls_ = 0;  // of the announcer
  OperationPtr work_;
  net::Timer wait_;
};

}  // namespace tidegate::jobs
