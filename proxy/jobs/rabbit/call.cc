#include "jobs/rabbit/call.h"

namespace tidegate::jobs {

RabbitContext::RabbitContext(std::unique_ptr<RecordStore> record_store, BrokerOptions options)
    : records(std::move(record_store)), broker(std::move(options), deliveries) {}

RabbitContext::~RabbitContext() { calls.clear(); }

std::string RabbitContext::unavailable_reason() const {
  std::string reason = broker.unavailable_reason();
  if (!reason.empty()) return reason;
  const QueueView view = records->view();
  return view.available ? "" : view.why_unavailable;
}

class RabbitCall::Handle final : public net::Operation {
 public:
  explicit Handle(std::shared_ptr<RabbitCall*> call) : call_(std::move(call)) {}
  ~Handle() override {
    RabbitCall* const call = *call_;
    if (!call) return;
    call->dropped_ = true;
    call->on_dropped();
  }

 private:
  std::shared_ptr<RabbitCall*> call_;
};

OperationPtr RabbitCall::begin(std::unique_ptr<RabbitCall> call) {
  RabbitCall* const started = call.get();
  {
    const std::lock_guard lock(started->context_.mutex);
    started->context_.calls.emplace(started, std::move(call));
  }
  started->timer_.start_after(Duration(0));
  return std::make_unique<Handle>(started->self_);
}

void RabbitCall::on_timer() {
  if (running_) return on_timeout();
  running_ = true;
  run();
}

void RabbitCall::end() {
  *self_ = nullptr;
  timer_.stop();
  step_.reset();
  std::unique_ptr<RabbitCall> self;
  {
    const std::lock_guard lock(context_.mutex);
    const auto at = context_.calls.find(this);
    self = std::move(at->second);
    context_.calls.erase(at);
  }
  net::Runtime& home = home_;
  home.dispose(std::move(self));
}

}  // namespace tidegate::jobs
