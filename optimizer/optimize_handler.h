// One POST /optimize: its body comes in, its picture is made on the pool, its answer goes out.
//
//             body whole      slow: delay over          the pool is done
//   receiving ─────────▶ delayed ─────────▶ working ─────────────────────▶ ended
//       │                  (no fault: at once)  │ no place: 503              ▲
//       ├─────────▶ hung (fault) ───────────────┼── cut_off ────────────────▶┤
//       └── error fault, body error, no room ───┴── client gone ────────────▶┘
//
// A client that goes away takes its work with it: what is queued never runs, what runs stops at its next step.
#pragma once

#include <memory>
#include <string>

#include "http/server/server.h"
#include "net/timer.h"
#include "optimizer/metrics.h"
#include "optimizer/watermark.h"
#include "optimizer/work_pool.h"

namespace tidegate::optimizer {

class OptimizerService;

// Owned by the connection; the service outlives its last call.
class OptimizeHandler final : public http::Handler {
 public:
  OptimizeHandler(OptimizerService& service, http::Responder& responder, WatermarkOptions options);
  ~OptimizeHandler() override { end(RequestResult::gone); }

  // 503 with Retry-After. REQUIRES that nothing was answered.
  void refuse_busy();
  // Ends a hung request without an answer.
  void cut_off();

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
  void log_answer(uint16_t status, size_t bytes_out, const Refusal* refusal) const;
  void end(RequestResult result);

  OptimizerService& service_;
  http::Responder& responder_;
  std::shared_ptr<Job> job_;
  net::Timer delay_;
  std::unique_ptr<WorkPool::Ticket> ticket_;
  const Time since_;
  Time work_since_{};
  uint64_t reserved_ = 0;  // bytes of the service's room for bodies
  State state_ = State::receiving;
};

}  // namespace tidegate::optimizer
