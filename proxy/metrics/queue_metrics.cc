#include "metrics/queue_metrics.h"

namespace tidegate::metrics {

QueueMetricsImpl::QueueMetricsImpl(Families& families, const std::string& queue)
    : commit_(families.queue_commit.Add({{"queue", queue}}, commit_buckets())),
      checkpoints_blocked_(families.queue_checkpoints_blocked.Add({{"queue", queue}})),
      missing_commits_(families.queue_missing.Add({{"queue", queue}, {"what", "commits"}})),
      missing_jobs_(families.queue_missing.Add({{"queue", queue}, {"what", "jobs"}})) {
  for (size_t i = 0; i < events_.size(); ++i) {
    const char* event = to_string(static_cast<jobs::JobEvent>(i));
    events_[i] = &families.queue_jobs.Add({{"queue", queue}, {"event", event}});
  }
  for (size_t i = 0; i < refusals_.size(); ++i) {
    const char* reason = to_string(static_cast<jobs::Refusal>(i));
    refusals_[i] = &families.queue_refusals.Add({{"queue", queue}, {"reason", reason}});
  }
  for (const jobs::Refusal why :
       {jobs::Refusal::store_damaged, jobs::Refusal::store_stalled, jobs::Refusal::store_unavailable}) {
    unavailable_[why] = &families.queue_store_unavailable.Add({{"queue", queue}, {"reason", to_string(why)}});
  }
}

void QueueMetricsImpl::set_missing(const jobs::MissingWork& missing) {
  missing_commits_.Set(static_cast<double>(missing.commits));
  missing_jobs_.Set(static_cast<double>(missing.jobs));
}

void QueueMetricsImpl::set_unavailable_stores(const std::set<jobs::Refusal>& reasons) {
  for (const auto& [why, gauge] : unavailable_) gauge->Set(reasons.contains(why) ? 1 : 0);
}

}  // namespace tidegate::metrics
