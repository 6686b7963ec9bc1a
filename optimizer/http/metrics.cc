#include "optimizer/http/metrics.h"

#include <chrono>
#include <string_view>

#include <prometheus/text_serializer.h>

#include "base/log/output.h"

namespace tidegate::optimizer {

namespace {

constexpr std::array<const char*, 7> kResultNames{"ok", "refused", "too_slow", "busy", "fault", "failed", "gone"};

prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Histogram& seconds(prometheus::Registry& registry, const char* name, const char* help) {
  static const prometheus::Histogram::BucketBoundaries kBuckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                                1,     2.5,  5,     10,   15,  30};
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, kBuckets);
}

double in_seconds(Duration took) { return std::chrono::duration<double>(took).count(); }

}  // namespace

RequestResult result_of(const Refusal& refusal) {
  const std::string_view reason = refusal.reason;
  if (reason == "fault") return RequestResult::fault;
  if (reason == "too_slow") return RequestResult::too_slow;
  if (reason == "busy") return RequestResult::busy;
  return refusal.status < 500 ? RequestResult::refused : RequestResult::failed;
}

Metrics::Metrics()
    : in_progress_(gauge(registry_, "watermark_optimizer_requests_in_progress", "Requests in progress")),
      request_seconds_(seconds(registry_, "watermark_optimizer_request_duration_seconds",
                               "Duration of requests, from the request headers to the response")),
      picture_seconds_(
          seconds(registry_, "watermark_optimizer_picture_seconds",
                  "Duration of image processing, from the end of the request body to the result of the worker")),
      load_(gauge(registry_, "watermark_optimizer_load", "Images queued or being processed")),
      workers_(gauge(registry_, "watermark_optimizer_workers", "Limit of images processed at once")),
      queue_max_(gauge(registry_, "watermark_optimizer_queue_max", "Limit of queued images")),
      body_bytes_(gauge(registry_, "watermark_optimizer_body_bytes", "Memory for the bodies of requests in progress")),
      log_lines_dropped_(prometheus::BuildCounter()
                             .Name("watermark_optimizer_log_lines_dropped_total")
                             .Help("Log lines that were not written, since the log's reader had stopped")
                             .Register(registry_)
                             .Add({})) {
  auto& family = prometheus::BuildCounter()
                     .Name("watermark_optimizer_requests_total")
                     .Help("Completed requests by result")
                     .Register(registry_);
  for (size_t i = 0; i < kResults; ++i) requests_[i] = &family.Add({{"result", kResultNames[i]}});
}

void Metrics::ended(RequestResult result, Duration took) {
  in_progress_.Decrement();
  requests_[static_cast<size_t>(result)]->Increment();
  request_seconds_.Observe(in_seconds(took));
}

void Metrics::worked(Duration took) { picture_seconds_.Observe(in_seconds(took)); }

std::string Metrics::render(const ServiceNumbers& numbers) {
  load_.Set(static_cast<double>(numbers.load));
  workers_.Set(numbers.workers);
  queue_max_.Set(static_cast<double>(numbers.queue_max));
  body_bytes_.Set(static_cast<double>(numbers.bodies_bytes));
  log_lines_dropped_.Increment(static_cast<double>(log_lines_dropped()) - log_lines_dropped_.Value());
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace tidegate::optimizer
