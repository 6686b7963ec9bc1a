// The metrics of one queue. Private to metrics/.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>

#include "metrics/families.h"
#include "metrics/metrics.h"

namespace tidegate::metrics {

class QueueMetricsImpl final : public QueueMetrics {
 public:
  QueueMetricsImpl(Families& families, const std::string& queue);

  void job_event(jobs::JobEvent event) override { events_[static_cast<size_t>(event)]->Increment(); }
  void refused(jobs::Refusal why) override { refusals_[static_cast<size_t>(why)]->Increment(); }
  void set_unavailable_stores(const std::set<jobs::Refusal>& reasons);
  void set_missing(const jobs::MissingWork& missing);
  void commit(Duration took) override { commit_.Observe(to_seconds(took)); }
  void checkpoint_blocked() override { checkpoints_blocked_.Increment(); }

 private:
  prometheus::Histogram& commit_;
  prometheus::Counter& checkpoints_blocked_;
  std::array<prometheus::Counter*, jobs::kJobEventCount> events_{};
  std::array<prometheus::Counter*, jobs::kRefusalCount> refusals_{};
  std::map<jobs::Refusal, prometheus::Gauge*> unavailable_;
  prometheus::Gauge& missing_commits_;
  prometheus::Gauge& missing_jobs_;
};

}  // namespace tidegate::metrics
