// Claim: a delivered message, if its record says that the job may run.
//
//   the first that is due ──▶ claim_id ──ok──▶ handed out; the message is held until the claim ends
//          ▲                     │ refused
//          │                     ▼
//          └──── next ◀── what its record says: delivery_verdict.h
//
// Where nothing is ready although the records say that a job is due, the claim waits a moment for its delivery.
#include "base/log.h"
#include "jobs/rabbit/call.h"
#include "jobs/rabbit/delivery_verdict.h"
#include "jobs/rabbit/operations.h"

namespace tidegate::jobs {

namespace {

constexpr int kDeliveriesMax = 200;     // that one claim looks at
constexpr Duration kDeliveryWait = 1s;  // for a delivery that is expected
constexpr const char* kDamaged = "damaged_record";

class ClaimCall final : public RabbitCall {
 public:
  ClaimCall(RabbitContext& context, net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done)
      : RabbitCall(context, home), lease_(lease), done_(std::move(done)) {}

 private:
  void on_dropped() override {
    done_ = nullptr;
    if (!delivery_) timer_.start_after(Duration(0));  // nothing is claimed yet: next() ends it
  }

  void run() override {
    wait_until_ = home_.now() + kDeliveryWait;
    context_.broker.on_claim();
    next();
  }

  void next() {
    timer_.stop();
    if (dropped_ || ++looked_at_ > kDeliveriesMax) return finish(std::optional<ClaimedJob>());
    if (std::string reason = context_.unavailable_reason(); !reason.empty()) {
      return finish({ErrorCode::unavailable, reason});
    }
    delivery_ = context_.deliveries.take(home_.wall_now());
    if (!delivery_) return wait();
    const ReceivedMessage& received = delivery_->received;
    if (received.damaged && !is_id(received.message.id)) return dead_letter_foreign();
    if (received.redelivered && !delivery_->record_checked) {
      delivery_->record_checked = true;
      return check_record();
    }
    claim();
  }

  void wait() {
    const WallTime now = home_.wall_now();
    const auto due = context_.records->view().next_due_at;
    const bool expected = (due && *due <= now) || context_.deliveries.expects_delivery();
    if (!expected || home_.now() >= wait_until_) return finish(std::optional<ClaimedJob>());
    auto ready = await<Ok>([this](const Status&) { next(); });
    Time wake_at = wait_until_;
    if (const auto next_due = context_.deliveries.next_due()) {
      wake_at = std::min(wake_at, home_.now() + std::max(*next_due - now, Duration(1ms)));
    }
    timer_.start_at(wake_at);
    context_.deliveries.notify_when_ready(std::move(ready), now);
  }

  void on_timeout() override {
    step_.reset();
    next();
  }

  void claim() {
    step_ = context_.records->claim_id(home_, id(), lease_,
                                       then([this](Result<ClaimedJob> job) { on_claimed(std::move(job)); }));
  }

  void on_claimed(Result<ClaimedJob> job) {
    if (job && delivery_->received.damaged) return dead_letter_damaged(*job);
    if (job && dropped_) return release(*job);
    if (job) return hand_out(std::move(*job));
    const ErrorCode code = job.error().code;
    if (code == ErrorCode::conflict) return check_record();
    if (code == ErrorCode::not_found) return without_record();
    context_.deliveries.put_back(std::move(delivery_), WallTime{});
    finish(job.error());
  }

  void hand_out(ClaimedJob job) {
    job.body_size = delivery_->received.message.body.size();
    context_.deliveries.hold(std::move(delivery_), job.claim, home_.wall_now() + lease_);
    finish(std::optional<ClaimedJob>(std::move(job)));
  }

  void release(const ClaimedJob& job) {
    const auto released = [this](const Status&) {
      context_.deliveries.put_back(std::move(delivery_), WallTime{});
      finish(std::optional<ClaimedJob>());
    };
    step_ = context_.records->release(home_, job, WallTime{}, then(released));
  }

  void check_record() {
    step_ = context_.records->find(home_, id(), then([this](const Result<JobRecord>& found) { on_record(found); }));
  }

  void on_record(const Result<JobRecord>& found) {
    if (found && found->status != JobStatus::accepting) {
      return follow(judge_by_record(delivery_->received.message, *found, home_.wall_now()), *found);
    }
    if (found || found.error().code == ErrorCode::not_found) return without_record();
    context_.deliveries.put_back(std::move(delivery_), WallTime{});
    finish(found.error());
  }

  void without_record() {
    const bool seen_before = std::exchange(delivery_->seen_without_record, true);
    follow(judge_without_record(delivery_->received.message, seen_before, home_.wall_now()), {});
  }

  void follow(const DeliveryVerdict& verdict, const JobRecord& record) {
    using Action = DeliveryVerdict::Action;
    switch (verdict.action) {
      case Action::claim: return claim();
      case Action::ack: context_.broker.ack(std::move(delivery_)); break;
      case Action::delay: context_.broker.delay(std::move(delivery_), verdict.until); break;
      case Action::put_back: context_.deliveries.put_back(std::move(delivery_), verdict.until); break;
      case Action::dead_letter:
        context_.broker.dead_letter(std::move(delivery_), record.last_error, history_json(record));
        break;
    }
    next();
  }

  void dead_letter_damaged(const ClaimedJob& job) {
    raise_alarm(job.id);
    const auto recorded = [this](const Status& status) {
      if (status) {
        context_.broker.dead_letter(std::move(delivery_), kDamaged, "[]");
      } else {
        context_.deliveries.put_back(std::move(delivery_), WallTime{});
      }
      next();
    };
    step_ = context_.records->dead_letter(home_, job, {home_.wall_now(), Duration(0), kDamaged}, then(recorded));
  }

  // Another program's message, or one of which nothing can be read: for an operator to look at.
  void dead_letter_foreign() {
    raise_alarm(id());
    context_.broker.dead_letter(std::move(delivery_), "not_a_job", "[]");
    next();
  }

  void raise_alarm(const std::string& job_id) {
    ++context_.damaged;
    log_error("job_damaged", {{"job_id", job_id}, {"store", "rabbitmq"}, {"reason", "checksum: dead letter"}});
  }

  const std::string& id() const { return delivery_->received.message.id; }

  void finish(Result<std::optional<ClaimedJob>> result) {
    const auto done = std::exchange(done_, nullptr);
    end();
    if (done) done(std::move(result));
  }

  const Duration lease_;
  Callback<std::optional<ClaimedJob>> done_;
  Time wait_until_{};
  DeliveryPtr delivery_;
  int looked_at_ = 0;
};

}  // namespace

OperationPtr start_claim(RabbitContext& context, net::Runtime& home, Duration lease,
                         Callback<std::optional<ClaimedJob>> done) {
  return RabbitCall::start<ClaimCall>(context, home, lease, std::move(done));
}

}  // namespace tidegate::jobs
