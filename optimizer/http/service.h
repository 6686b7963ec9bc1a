// The service over HTTP: its paths, and what all requests share. It runs on one event loop; a work pool processes the
// images.
//
//   POST /optimize?text=&position=&max_width=&quality=&format=&opacity=   image in, image out (optimize_handler.h)
//   GET  /health                                                         {"status":"ok"}
//   GET  /metrics                                                        for Prometheus (metrics.h)
//   GET  /fault, POST /fault?mode=&ms=&status=                           only with allow_faults
//
// Errors are application/problem+json. A 503 has Retry-After: the typical duration of recent images.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "http/server/server.h"
#include "optimizer/http/faults.h"
#include "optimizer/http/metrics.h"
#include "optimizer/image/refusal.h"
#include "optimizer/work/work_pool.h"

namespace tidegate::optimizer {

class OptimizeHandler;

struct ServiceOptions {
  SocketAddress listen;
  int workers = 1;                           // images processed at once
  size_t queue_max = 16;                     // images that may wait
  uint64_t body_bytes_max = 32ull << 20;     // of one request
  uint64_t bodies_bytes_max = 512ull << 20;  // of all requests without a result yet
  Duration work_time_max = 15s;              // for processing one image
  Fault fault;
  bool allow_faults = false;  // POST /fault may change the fault
};

class OptimizerService final : private http::Service {
 public:
  // REQUIRES an ImageLibrary. The runtime must outlive the service.
  OptimizerService(net::Runtime& runtime, const ServiceOptions& options);
  ~OptimizerService();

  Status listen() { return server_.listen(options_.listen); }
  SocketAddress address() const { return server_.address(); }

  // Stops accepting requests, aborts hung ones, finishes the others; then calls `done`, once.
  void drain(std::function<void()> done);

  // For the handlers.
  net::Runtime& runtime() { return runtime_; }
  WorkPool& pool() { return pool_; }
  Duration work_time_max() const { return options_.work_time_max; }
  const Fault& fault() const { return options_.fault; }
  // Memory for a piece of a body; false: the budget is used up, and nothing was reserved.
  bool reserve(uint64_t bytes);
  void release(uint64_t bytes);
  void record_processing(Duration took);
  Metrics& metrics() { return metrics_; }
  int64_t retry_after_seconds() const;
  void hang(OptimizeHandler* handler) { hung_.insert(handler); }
  void unhang(OptimizeHandler* handler) { hung_.erase(handler); }

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  http::Service::Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  std::unique_ptr<http::Handler> optimize(http::Responder& responder);
  bool handle_monitoring(http::Responder& responder);
  void handle_fault(http::Responder& responder);

  net::Runtime& runtime_;
  ServiceOptions options_;
  Metrics metrics_;
  WorkPool pool_;
  uint64_t bodies_bytes_ = 0;
  Duration typical_ = 1s;  // recent duration from the end of a body to its result
  std::set<OptimizeHandler*> hung_;
  http::Server server_;  // destroyed first: its handlers use the rest
};

// Sends the refusal as problem+json.
void send_refusal(http::Responder& responder, const optimizer::Refusal& refusal, std::string_view fields = {});

}  // namespace tidegate::optimizer
