// The metrics of the service, for Prometheus. For the event loop's thread only. The values of each label are a fixed
// set.
//
//   watermark_optimizer_requests_total{result}     completed POST /optimize requests by result
//   watermark_optimizer_requests_in_progress
//   watermark_optimizer_request_duration_seconds   from the request headers to the response
//   watermark_optimizer_picture_seconds            from the end of the body to the result of the worker
//   watermark_optimizer_load                       images queued or being processed
//   watermark_optimizer_workers, _queue_max        the limits: images processed at once, and queued
//   watermark_optimizer_body_bytes                 memory for request bodies
//   watermark_optimizer_log_lines_dropped_total    since the log's reader had stopped
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "base/time.h"
#include "optimizer/image/refusal.h"

namespace tidegate::optimizer {

// How a request ended. refused: 4xx; busy: 503, the queue is full; fault: a simulated fault; gone: the client
// disconnected, or was disconnected, before the response.
enum class RequestResult { ok, refused, too_slow, busy, fault, failed, gone };

RequestResult result_of(const Refusal& refusal);

// What is read when the metrics are rendered.
struct ServiceNumbers {
  int workers = 0;
  size_t queue_max = 0;
  size_t load = 0;
  uint64_t bodies_bytes = 0;
};

class Metrics {
 public:
  Metrics();

  void begun() { in_progress_.Increment(); }
  void ended(RequestResult result, Duration took);
  void worked(Duration took);

  // The text exposition format, version 0.0.4.
  std::string render(const ServiceNumbers& numbers);

 private:
  static constexpr size_t kResults = 7;

  prometheus::Registry registry_;
  std::array<prometheus::Counter*, kResults> requests_{};
  prometheus::Gauge& in_progress_;
  prometheus::Histogram& request_seconds_;
  prometheus::Histogram& picture_seconds_;
  prometheus::Gauge& load_;
  prometheus::Gauge& workers_;
  prometheus::Gauge& queue_max_;
  prometheus::Gauge& body_bytes_;
  prometheus::Counter& log_lines_dropped_;
};

}  // namespace tidegate::optimizer
