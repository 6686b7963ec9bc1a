// The service over HTTP: what a request is, and what all of them share. One loop; pictures are made on the work pool.
//
//   POST /optimize?text=&position=&max_width=&quality=&format=&opacity=   image in, image out (optimize_handler.h)
//   GET  /health                                                         {"status":"ok"}
//   GET  /metrics                                                        for Prometheus (metrics.h)
//   GET  /fault, POST /fault?mode=&ms=&status=                           only with allow_faults
//
// Errors are application/problem+json. 503 carries Retry-After: as long as pictures take just now.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "http/server/server.h"
#include "optimizer/faults.h"
#include "optimizer/metrics.h"
#include "optimizer/refusal.h"
#include "optimizer/work_pool.h"

namespace tidegate::optimizer {

class OptimizeHandler;

struct ServiceOptions {
  SocketAddress listen;
  int workers = 1;                           // pictures made at once
  size_t queue_max = 16;                     // more that may wait
  uint64_t body_bytes_max = 32ull << 20;     // of one request
  uint64_t bodies_bytes_max = 512ull << 20;  // of all requests whose picture is not done yet
  Duration work_time_max = 15s;              // for one picture, once it is being worked on
  Fault fault;
  bool allow_faults = false;  // the fault may be changed by request
};

class OptimizerService final : private http::Service {
 public:
  // REQUIRES an ImageLibrary. The runtime outlives the service.
  OptimizerService(net::Runtime& runtime, const ServiceOptions& options);
  ~OptimizerService();

  Status listen() { return server_.listen(options_.listen); }
  SocketAddress address() const { return server_.address(); }

  // Takes no more requests, finishes those it has (hung ones are cut off); then `done`, once.
  void drain(std::function<void()> done);

  // For the handlers.
  net::Runtime& runtime() { return runtime_; }
  WorkPool& pool() { return pool_; }
  Duration work_time_max() const { return options_.work_time_max; }
  const Fault& fault() const { return options_.fault; }
  // Room for the bytes of a body; false: there is none, nothing was taken.
  bool reserve(uint64_t bytes);
  void release(uint64_t bytes);
  void picture_took(Duration took);
  Metrics& metrics() { return metrics_; }
  int64_t retry_after_seconds() const;
  void hang(OptimizeHandler* handler) { hung_.insert(handler); }
  void unhang(OptimizeHandler* handler) { hung_.erase(handler); }

 private:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  http::Service::Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;
  std::unique_ptr<http::Handler> optimize(http::Responder& responder);
  bool answer_about_itself(http::Responder& responder);
  void answer_fault(http::Responder& responder);

  net::Runtime& runtime_;
  ServiceOptions options_;
  Metrics metrics_;
  WorkPool pool_;
  uint64_t bodies_bytes_ = 0;
  Duration typical_ = 1s;  // from a body's end to its picture, lately
  std::set<OptimizeHandler*> hung_;
  http::Server server_;  // first to go: its handlers use the rest
};

// An answer of the service's own: problem+json with the refusal's status, reason and detail.
void answer_refusal(http::Responder& responder, const optimizer::Refusal& refusal, std::string_view fields = {});

}  // namespace tidegate::optimizer
