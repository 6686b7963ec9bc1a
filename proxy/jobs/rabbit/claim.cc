// Claim: a delivered message, if its record says that the job may run.
//
//   the first that is due ──▶ claim_id ──ok──▶ handed out, the message held until the claim ends
//          ▲                     │ no
//          │                     ▼            ended: acked · dead: to the dead letters · waits: back to its delay
//          └── next ◀── what its record says  runs elsewhere: looked at again later · not admitted yet: in a moment
//
// Where nothing is here although the records say that a job is due, the claim waits a moment for its delivery.
#include "base/log.h"
#include "jobs/rabbit/flow.h"

namespace tidegate::jobs {

namespace {

constexpr int kLooksMax = 200;                             // messages that one claim puts away
constexpr Duration kPatience = 1s;                         // for a delivery
constexpr Duration kSoon = 50ms;                           // until its record is admitted, or replayed
constexpr Duration kElsewhere = std::chrono::seconds(8);   // until a job that runs elsewhere is looked at again
constexpr Duration kFresh = std::chrono::seconds(60);      // a message younger than this may be waiting for its record
constexpr Duration kSecondLook = std::chrono::seconds(2);  // at an old message that has no record
constexpr const char* kDamaged = "damaged_record";

class ClaimFlow final : public RabbitFlow {
 public:
  ClaimFlow(RabbitParts& parts, net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done)
      : RabbitFlow(parts, home), lease_(lease), done_(std::move(done)) {}

 private:
  void on_dropped() override {
    done_ = nullptr;
    if (!delivery_) timer_.start_after(Duration(0));  // it only waits
  }

  void run() override {
    until_ = home_.now() + kPatience;
    parts_.thread.want_deliveries();
    next();
  }

  void next() {
    timer_.stop();
    if (dropped_ || ++looks_ > kLooksMax) return finish(std::optional<ClaimedJob>());
    if (std::string why = parts_.why_unavailable(); !why.empty()) return finish({ErrorCode::unavailable, why});
    delivery_ = parts_.shelf.take(home_.wall_now());
    if (!delivery_) return wait();
    const RabbitArrival& arrival = delivery_->arrival;
    if (arrival.damaged && !is_id(arrival.message.id)) return drop_foreign();
    if (arrival.redelivered && !delivery_->looked_up) {
      delivery_->looked_up = true;
      return ask_record();
    }
    claim();
  }

  void wait() {
    const WallTime now = home_.wall_now();
    const auto due = parts_.records->view().next_due_at;
    const bool expected = (due && *due <= now) || parts_.shelf.expects_delivery();
    if (!expected || home_.now() >= until_) return finish(std::optional<ClaimedJob>());
    auto waiter = std::make_shared<PendingCall<Ok>>(&home_, [this](const Status&) {
      const auto step = std::move(step_);
      next();
    });
    step_ = std::make_unique<StoreCallHandle>(waiter);
    Time wake_at = until_;
    if (const auto ready = parts_.shelf.next_due()) {
      wake_at = std::min(wake_at, home_.now() + std::max(*ready - now, Duration(1ms)));
    }
    timer_.start_at(wake_at);
    parts_.shelf.wait(std::move(waiter), now);
  }

  void on_timeout() override {
    step_.reset();
    next();
  }

  void claim() {
    step_ = parts_.records->claim_id(home_, id(), lease_, [this](Result<ClaimedJob> job) {
      const auto step = std::move(step_);
      on_claimed(std::move(job));
    });
  }

  void on_claimed(Result<ClaimedJob> job) {
    if (job && delivery_->arrival.damaged) return bury_damaged(*job);
    if (job && dropped_) return give_back(*job);
    if (job) return hand_out(std::move(*job));
    const ErrorCode code = job.error().code;
    if (code == ErrorCode::conflict) return ask_record();
    if (code == ErrorCode::not_found) return without_record();
    parts_.shelf.put_back(std::move(delivery_), WallTime{});
    finish(job.error());
  }

  void hand_out(ClaimedJob job) {
    job.body_size = delivery_->arrival.message.body.size();
    parts_.shelf.hold(std::move(delivery_), job.claim, home_.wall_now() + lease_);
    finish(std::optional<ClaimedJob>(std::move(job)));
  }

  void give_back(const ClaimedJob& job) {
    step_ = parts_.records->release(home_, job, WallTime{}, [this](const Status&) {
      const auto step = std::move(step_);
      parts_.shelf.put_back(std::move(delivery_), WallTime{});
      finish(std::optional<ClaimedJob>());
    });
  }

  void ask_record() {
    step_ = parts_.records->find(home_, id(), [this](const Result<JobRecord>& record) {
      const auto step = std::move(step_);
      if (record) return judge(*record);
      if (record.error().code == ErrorCode::not_found) return without_record();
      parts_.shelf.put_back(std::move(delivery_), WallTime{});
      finish(record.error());
    });
  }

  void judge(const JobRecord& record) {
    const WallTime now = home_.wall_now();
    switch (record.status) {
      case JobStatus::succeeded:
      case JobStatus::cancelled:
      case JobStatus::expired: parts_.thread.ack(std::move(delivery_)); break;
      case JobStatus::dead: judge_dead(record, now); break;
      case JobStatus::running: parts_.thread.delay(std::move(delivery_), now + kElsewhere); break;
      case JobStatus::queued:
      case JobStatus::retrying:
        if (record.next_attempt_at && *record.next_attempt_at > now) {
          parts_.thread.delay(std::move(delivery_), *record.next_attempt_at);
          break;
        }
        return claim();
      case JobStatus::accepting: return without_record();
    }
    next();
  }

  // An operator's replay publishes before it changes the record. Any other message of a dead job is its dead letter.
  void judge_dead(const JobRecord& record, WallTime now) {
    if (delivery_->arrival.message.replays > record.replays && age(now) < kFresh) {
      return parts_.shelf.put_back(std::move(delivery_), now + kSoon);
    }
    parts_.thread.to_dead(std::move(delivery_), record.last_error, history_json(record));
  }

  // Not admitted yet, or forgotten long ago.
  void without_record() {
    const WallTime now = home_.wall_now();
    const bool seen_before = std::exchange(delivery_->recordless, true);
    if (age(now) >= kFresh && !seen_before) {  // another machine's clock may be wrong: not on its word alone
      parts_.shelf.put_back(std::move(delivery_), now + kSecondLook);
    } else if (age(now) >= kFresh) {
      parts_.thread.ack(std::move(delivery_));
    } else if (age(now) >= std::chrono::seconds(1)) {
      parts_.thread.delay(std::move(delivery_), now + kElsewhere);
    } else {
      parts_.shelf.put_back(std::move(delivery_), now + kSoon);
    }
    next();
  }

  Duration age(WallTime now) const {
    return now - WallTime(std::chrono::milliseconds(delivery_->arrival.message.published_ms));
  }

  void bury_damaged(const ClaimedJob& job) {
    alarm(job.id);
    step_ = parts_.records->bury(home_, job, {home_.wall_now(), Duration(0), kDamaged}, [this](const Status& status) {
      const auto step = std::move(step_);
      if (status) parts_.thread.to_dead(std::move(delivery_), kDamaged, "[]");
      if (delivery_) parts_.shelf.put_back(std::move(delivery_), WallTime{});
      next();
    });
  }

  // Somebody else's message, or one of which nothing can be read: an operator is to look at it.
  void drop_foreign() {
    alarm(id());
    parts_.thread.to_dead(std::move(delivery_), "not_a_job", "[]");
    next();
  }

  void alarm(const std::string& id_text) {
    ++parts_.damaged;
    log_error("job_damaged", {{"job_id", id_text}, {"store", "rabbitmq"}, {"reason", "checksum: dead letter"}});
  }

  const std::string& id() const { return delivery_->arrival.message.id; }

  void finish(Result<std::optional<ClaimedJob>> result) {
    const auto done = std::exchange(done_, nullptr);
    end();
    if (done) done(std::move(result));
  }

  const Duration lease_;
  Callback<std::optional<ClaimedJob>> done_;
  Time until_{};
  DeliveryPtr delivery_;
  int looks_ = 0;
};

}  // namespace

OperationPtr start_claim(RabbitParts& parts, net::Runtime& home, Duration lease,
                         Callback<std::optional<ClaimedJob>> done) {
  return RabbitFlow::start<ClaimFlow>(parts, home, lease, std::move(done));
}

}  // namespace tidegate::jobs
