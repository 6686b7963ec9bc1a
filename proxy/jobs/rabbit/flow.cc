#include "jobs/rabbit/flow.h"

#include "base/json_writer.h"

namespace tidegate::jobs {

RabbitParts::RabbitParts(std::unique_ptr<RecordStore> store, RabbitThreadOptions options)
    : records(std::move(store)), thread(std::move(options), shelf) {}

RabbitParts::~RabbitParts() { flows.clear(); }

std::string RabbitParts::why_unavailable() const {
  std::string why = thread.why_away();
  if (!why.empty()) return why;
  const QueueView view = records->view();
  return view.available ? "" : view.why_unavailable;
}

class RabbitFlow::Handle final : public net::Operation {
 public:
  explicit Handle(std::shared_ptr<RabbitFlow*> flow) : flow_(std::move(flow)) {}
  ~Handle() override {
    RabbitFlow* const flow = *flow_;
    if (!flow) return;
    flow->dropped_ = true;
    flow->on_dropped();
  }

 private:
  std::shared_ptr<RabbitFlow*> flow_;
};

OperationPtr RabbitFlow::begin(std::unique_ptr<RabbitFlow> flow) {
  RabbitFlow* const started = flow.get();
  {
    const std::lock_guard lock(started->parts_.mutex);
    started->parts_.flows.emplace(started, std::move(flow));
  }
  started->timer_.start_after(Duration(0));
  return std::make_unique<Handle>(started->self_);
}

void RabbitFlow::on_timer() {
  if (running_) return on_timeout();
  running_ = true;
  run();
}

void RabbitFlow::end() {
  *self_ = nullptr;
  timer_.stop();
  step_.reset();
  std::unique_ptr<RabbitFlow> self;
  {
    const std::lock_guard lock(parts_.mutex);
    const auto at = parts_.flows.find(this);
    self = std::move(at->second);
    parts_.flows.erase(at);
  }
  net::Runtime& home = home_;
  home.dispose(std::move(self));
}

std::string history_json(const JobRecord& record) {
  std::vector<std::string> attempts;
  for (const AttemptRecord& attempt : record.history) {
    attempts.push_back(JsonWriter()
                           .field("at", to_rfc3339(attempt.at))
                           .field("took_ms", ceil_ms(attempt.took))
                           .field("error", attempt.error)
                           .take());
  }
  return json_array(attempts);
}

namespace {

class EndFlow final : public RabbitFlow {
 public:
  EndFlow(RabbitParts& parts, net::Runtime& home, RabbitEnd end, Callback<Ok> done)
      : RabbitFlow(parts, home), end_(std::move(end)), done_(std::move(done)) {}

 private:
  void run() override {
    step_ = end_.in_record([this](const Status& status) { on_record(status); });
  }
  void on_dropped() override { done_ = nullptr; }

  void on_record(const Status& status) {
    const auto step = std::move(step_);
    if (!status) {
      const ErrorCode code = status.error().code;
      const bool lost = code == ErrorCode::conflict || code == ErrorCode::not_found;
      // Its record will say what its message is good for.
      if (DeliveryPtr delivery = lost ? take() : nullptr) parts_.shelf.put_back(std::move(delivery), WallTime{});
      return finish(status);
    }
    if (end_.kind == RabbitEnd::Kind::bury && parts_.shelf.held(end_.job.id, end_.job.claim)) {
      step_ = parts_.records->find(home_, end_.job.id, [this](const Result<JobRecord>& record) { on_buried(record); });
      return;
    }
    move_on();
    finish(Ok{});
  }

  void move_on() {
    const bool later = end_.kind == RabbitEnd::Kind::retry || end_.kind == RabbitEnd::Kind::release;
    if (later) parts_.shelf.remember(end_.job.id, end_.not_before);
    DeliveryPtr delivery = take();
    if (!delivery) return;
    if (!later) return parts_.thread.ack(std::move(delivery));
    delivery->arrival.message.attempt = end_.job.attempt - (end_.kind == RabbitEnd::Kind::release ? 1 : 0);
    if (end_.not_before - home_.wall_now() < std::chrono::seconds(1)) {
      return parts_.shelf.put_back(std::move(delivery), end_.not_before);
    }
    parts_.thread.delay(std::move(delivery), end_.not_before);
  }

  void on_buried(const Result<JobRecord>& record) {
    const auto step = std::move(step_);
    if (DeliveryPtr delivery = take()) {
      delivery->arrival.message.attempt = end_.job.attempt;
      const std::string reason = record && !record->last_error.empty() ? record->last_error : "unknown";
      parts_.thread.to_dead(std::move(delivery), reason, record ? history_json(*record) : "[]");
    }
    finish(Ok{});
  }

  DeliveryPtr take() { return parts_.shelf.let_go(end_.job.id, end_.job.claim); }

  void finish(const Status& status) {
    const auto done = std::exchange(done_, nullptr);
    end();
    if (done) done(status);
  }

  RabbitEnd end_;
  Callback<Ok> done_;
};

}  // namespace

OperationPtr start_end(RabbitParts& parts, net::Runtime& home, RabbitEnd end, Callback<Ok> done) {
  return RabbitFlow::start<EndFlow>(parts, home, std::move(end), std::move(done));
}

}  // namespace tidegate::jobs
