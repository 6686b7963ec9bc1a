// Settle: the end of a claim, first in its record, then for its message.
//
//   record ──▶ succeeded            ack
//          ──▶ dead                 move to the dead letters
//          ──▶ retrying, queued     due within a second: ready here; later: move to a delay tier
//          ──▶ (claim was lost)     ready here: the next claim checks its record
#include "jobs/rabbit/broker/topology.h"
#include "jobs/rabbit/call.h"
#include "jobs/rabbit/operations.h"

namespace tidegate::jobs {

namespace {

class SettleCall final : public RabbitCall {
 public:
  using Kind = ClaimEnd::Kind;

  SettleCall(RabbitContext& context, net::Runtime& home, ClaimEnd settlement, Callback<Ok> done)
      : RabbitCall(context, home), settlement_(std::move(settlement)), done_(std::move(done)) {}

 private:
  void run() override {
    step_ = settlement_.settle_record(then([this](const Status& status) { on_record(status); }));
  }
  void on_dropped() override { done_ = nullptr; }

  void on_record(const Status& status) {
    if (!status) return on_refused(status);
    switch (settlement_.kind) {
      case Kind::succeed: ack(); break;
      case Kind::retry:
      case Kind::defer:
      case Kind::release: wait_until_due(); break;
      case Kind::dead_letter: return find_history();
    }
    finish(Ok{});
  }

  void on_refused(const Status& status) {
    const ErrorCode code = status.error().code;
    const bool claim_lost = code == ErrorCode::conflict || code == ErrorCode::not_found;
    if (DeliveryPtr delivery = claim_lost ? take_delivery() : nullptr) {
      context_.deliveries.put_back(std::move(delivery), WallTime{});
    }
    finish(status);
  }

  void ack() {
    if (DeliveryPtr delivery = take_delivery()) context_.broker.ack(std::move(delivery));
  }

  void wait_until_due() {
    const WallTime due = settlement_.not_before;
    context_.deliveries.remember_due(settlement_.job.id, due);
    DeliveryPtr delivery = take_delivery();
    if (!delivery) return;
    const bool counts = settlement_.kind == Kind::retry;
    delivery->received.message.attempt = settlement_.job.attempt - (counts ? 0 : 1);
    if (due - home_.wall_now() < kDelayTierMin) return context_.deliveries.put_back(std::move(delivery), due);
    context_.broker.delay(std::move(delivery), due);
  }

  void find_history() {
    if (!context_.deliveries.find_held(settlement_.job.id, settlement_.job.claim)) return finish(Ok{});
    step_ = context_.records->find(home_, settlement_.job.id,
                                   then([this](const Result<JobRecord>& record) { dead_letter(record); }));
  }

  void dead_letter(const Result<JobRecord>& record) {
    if (DeliveryPtr delivery = take_delivery()) {
      delivery->received.message.attempt = settlement_.job.attempt;
      const std::string reason = record && !record->last_error.empty() ? record->last_error : "unknown";
      context_.broker.dead_letter(std::move(delivery), reason, record ? history_json(*record) : "[]");
    }
    finish(Ok{});
  }

  // Null: the lease was lost, or the connection.
  DeliveryPtr take_delivery() { return context_.deliveries.take_held(settlement_.job.id, settlement_.job.claim); }

  void finish(const Status& status) {
    const auto done = std::exchange(done_, nullptr);
    end();
    if (done) done(status);
  }

  ClaimEnd settlement_;
  Callback<Ok> done_;
};

}  // namespace

OperationPtr start_settle(RabbitContext& context, net::Runtime& home, ClaimEnd settlement, Callback<Ok> done) {
  return RabbitCall::start<SettleCall>(context, home, std::move(settlement), std::move(done));
}

}  // namespace tidegate::jobs
