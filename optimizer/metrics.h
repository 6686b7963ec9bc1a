// What the service counts, as Prometheus reads it. Labels come from closed sets only. Of the loop's thread.
//
//   watermark_optimizer_requests_total{result}     POST /optimize requests that have ended, by how
//   watermark_optimizer_requests_in_progress       those that have not
//   watermark_optimizer_request_duration_seconds   from a request's head to its answer
//   watermark_optimizer_picture_seconds            from a body's end to its picture, or to its refusal by a worker
//   watermark_optimizer_load                       pictures that wait or are being worked on
//   watermark_optimizer_workers, _queue_max        how many may be worked on, and may wait
//   watermark_optimizer_body_bytes                 bodies in memory
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
#include "optimizer/refusal.h"

namespace tidegate::optimizer {

// How a request ended. refused: 4xx, the client's doing; busy: 503, no place; fault: told to fail; gone: the client
// went, or was cut off, before its answer.
enum class RequestResult { ok, refused, too_slow, busy, fault, failed, gone };

RequestResult result_of(const Refusal& refusal);

// What the service is asked for when it is asked.
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
};

}  // namespace tidegate::optimizer
