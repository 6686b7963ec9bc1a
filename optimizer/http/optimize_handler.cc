#include "optimizer/http/optimize_handler.h"

#include <exception>
#include <utility>

#include "base/log.h"
#include "optimizer/http/service.h"

namespace tidegate::optimizer {

// Shared with the pool: cancelled work may still be running there.
struct OptimizeHandler::Job {
  std::string body;
  WatermarkOptions options;
  Expected<Picture> result;
  WorkLimit limit;

  explicit Job(Duration time_max) : limit(time_max) {}

  void run() {
    try {
      result = watermark(body, options, ImageLimits{}, limit);
    } catch (const std::exception& error) {  // most likely out of memory
      result = Refusal{500, "internal_error", "The watermark could not be drawn.", error.what()};
    }
  }
};

OptimizeHandler::OptimizeHandler(OptimizerService& service, http::Responder& responder, WatermarkOptions options)
    : service_(service),
      responder_(responder),
      job_(std::make_shared<Job>(service.work_time_max())),
      delay_(service.runtime(), [this] { start_work(); }),
      since_(service.runtime().now()) {
  service_.metrics().begun();
  job_->options = std::move(options);
}

void OptimizeHandler::on_body(std::string_view piece) {
  if (state_ != State::receiving) return;
  if (!service_.reserve(piece.size())) return refuse_busy();
  reserved_ += piece.size();
  job_->body += piece;
}

void OptimizeHandler::on_body_end() {
  if (state_ != State::receiving) return;
  const Fault& fault = service_.fault();
  if (!fault.meets(job_->options.text)) return start_work();
  switch (fault.mode) {
    case FaultMode::slow: state_ = State::delayed; return delay_.start_after(fault.delay);
    case FaultMode::error: return refuse({fault.status, "fault", "This failure is simulated (/fault).", {}});
    case FaultMode::hang: state_ = State::hung; return service_.hang(this);
    case FaultMode::down: end(RequestResult::fault); return responder_.abort();
    case FaultMode::none: return start_work();
  }
}

void OptimizeHandler::start_work() {
  work_since_ = service_.runtime().now();
  ticket_ = service_.pool().submit([job = job_] { job->run(); }, [this] { on_worked(); });
  if (!ticket_) return refuse_busy();
  state_ = State::working;
}

void OptimizeHandler::on_worked() {
  service_.record_processing(service_.runtime().now() - work_since_);
  if (const auto* refusal = std::get_if<Refusal>(&job_->result)) return refuse(*refusal);
  const Picture& picture = std::get<Picture>(job_->result);
  log_result(200, picture.bytes.size(), nullptr);
  const std::shared_ptr<Job> kept = job_;
  end(RequestResult::ok);
  responder_.respond(200, content_type(picture.format), picture.bytes);
}

void OptimizeHandler::refuse_busy() {
  refuse({503, "busy", "All workers are busy and the queue is full; try again later.", {}},
         "Retry-After: " + std::to_string(service_.retry_after_seconds()) + "\r\n");
}

void OptimizeHandler::refuse(const Refusal& refusal, std::string_view fields) {
  log_result(refusal.status, 0, &refusal);
  const Refusal kept = refusal;  // a copy: end() destroys the job
  end(result_of(kept));
  send_refusal(responder_, kept, fields);
}

void OptimizeHandler::on_body_error(const http::ParseError& error) {
  if (state_ != State::receiving) return;
  refuse({error.status, error.reason, error.detail, {}});
}

void OptimizeHandler::on_client_gone() { end(RequestResult::gone); }

void OptimizeHandler::abort() {
  end(RequestResult::fault);
  responder_.abort();
}

void OptimizeHandler::log_result(uint16_t status, size_t bytes_out, const Refusal* refusal) const {
  const bool worked = state_ == State::working;
  log_event(status >= 500 && status != 503 ? LogLevel::error : LogLevel::info, "optimize",
            {{"status", status},
             {"outcome", std::string_view(refusal ? refusal->reason : "ok")},
             {"reason", std::string_view(refusal ? refusal->cause : "")},
             {"bytes_in", job_->body.size()},
             {"bytes_out", bytes_out},
             {"ms", worked ? ceil_ms(service_.runtime().now() - work_since_) : 0}});
}

// Releases everything of the service. The handler does nothing more until it is destroyed.
void OptimizeHandler::end(RequestResult result) {
  if (state_ == State::ended) return;
  service_.metrics().ended(result, service_.runtime().now() - since_);
  if (state_ == State::hung) service_.unhang(this);
  state_ = State::ended;
  delay_.stop();
  ticket_.reset();
  service_.release(std::exchange(reserved_, 0));
  job_->limit.cancel();
  job_.reset();
}

}  // namespace tidegate::optimizer
