// One POST /optimize: receives the body, has the pool process the image, sends the response.
//
//            body complete     after the delay         the pool is done
//   receiving ──────────▶ delayed ─────────▶ working ─────────────────────▶ ended
//       │                (without the fault,    │ queue full: 503            ▲
//       │                 working at once)      │                            │
//       ├─────────▶ hung (fault) ───────────────┼── abort ──────────────────▶┤
//       └── error fault, body error, 503 ───────┴── client gone ────────────▶┘
//
// When the client disconnects, queued work is removed and running work stops at its next check.
#pragma once

#include <memory>
#include <string>

#include "http/server/server.h"
#include "net/timer.h"
#include "optimizer/http/metrics.h"
#include "optimizer/image/watermark.h"
#include "optimizer/work/work_pool.h"

namespace tidegate::optimizer {

class OptimizerService;

// Owned by the connection. The service must outlive its last call.
class OptimizeHandler final : public http::Handler {
 public:
  OptimizeHandler(OptimizerService& service, http::Responder& responder, WatermarkOptions options);
  ~OptimizeHandler() override { end(RequestResult::gone); }

  // 503 with Retry-After. REQUIRES that there was no response yet.
  void refuse_busy();
  // Closes the connection of a hung request.
  void abort();

 private:
  enum class State { receiving, delayed, working, hung, ended };
  struct Job;

  void on_body(std::string_view piece) override;
  void on_body_end() override;
  void on_body_error(const http::ParseError& error) override;
  void on_client_gone() override;
  void on_response_drained() override {}

  void start_work();
  void on_worked();
  void refuse(const Refusal& refusal, std::string_view fields = {});
  void log_result(uint16_t status, size_t bytes_out, const Refusal* refusal) const;
  void end(RequestResult result);

  OptimizerService& service_;
  http::Responder& responder_;
  std::shared_ptr<Job> job_;
  net::Timer delay_;
  std::unique_ptr<WorkPool::Ticket> ticket_;
  const Time since_;
  Time work_since_{};
  uint64_t reserved_ = 0;  // bytes of the service's budget for bodies
  State state_ = State::receiving;
};

}  // namespace tidegate::optimizer
