// What operators do with a dead job. Its dead letter is found in the dead-letter queue, then replayed or removed.
//
//   replay   find (dead) ──▶ find its dead letter ──▶ publish as work ──▶ record queued ──▶ remove the dead letter
//   purge    find (dead) ──▶ find its dead letter ──▶ record deleted ──▶ remove the dead letter
//
// A crash in between leaves the job dead and its dead letter where it was. Work that was published already waits for
// its record (delivery_verdict.h).
#include "jobs/rabbit/call.h"
#include "jobs/rabbit/operations.h"

namespace tidegate::jobs {

namespace {

// A dead letter may still be on its way, or unacked by another process's search.
constexpr int kRetriesMax = 10;
constexpr Duration kRetryInterval = 200ms;

class DeadLetterCall : public RabbitCall {
 protected:
  DeadLetterCall(RabbitContext& context, net::Runtime& home, const std::string& id, Callback<Ok> done)
      : RabbitCall(context, home), id_(id), done_(std::move(done)) {}

  virtual void on_record(const JobRecord& record) = 0;
  virtual void on_dead_letter() = 0;  // it is in dead_letter_
  virtual void on_no_dead_letter() = 0;

  void run() override {
    const auto found = [this](const Result<JobRecord>& record) {
      record ? on_record(*record) : finish(record.error());
    };
    step_ = context_.records->find(home_, id_, then(found));
  }
  void on_dropped() override { done_ = nullptr; }
  void on_timeout() override { search(); }

  void search() {
    context_.broker.find_dead_letter(
        id_, await<DeadLetter>([this](Result<DeadLetter> found) { on_search_result(std::move(found)); }));
  }

  void finish(const Status& status) {
    if (dead_letter_) context_.broker.settle_dead_letter(*dead_letter_, status.ok());
    const auto done = std::exchange(done_, nullptr);
    end();
    if (done) done(status);
  }

  const std::string id_;
  std::optional<DeadLetter> dead_letter_;

 private:
  void on_search_result(Result<DeadLetter> found) {
    if (found) {
      dead_letter_ = std::move(*found);
      return on_dead_letter();
    }
    if (found.error().code == ErrorCode::not_found && ++retries_ < kRetriesMax) {
      return timer_.start_after(kRetryInterval);
    }
    if (found.error().code == ErrorCode::not_found) return on_no_dead_letter();
    finish({ErrorCode::unavailable, "the dead letter cannot be read: " + found.error().message});
  }

  Callback<Ok> done_;
  int retries_ = 0;
};

class ReplayCall final : public DeadLetterCall {
 public:
  ReplayCall(RabbitContext& context, net::Runtime& home, const std::string& id, bool force, Callback<Ok> done)
      : DeadLetterCall(context, home, id, std::move(done)), force_(force) {}

 private:
  void on_record(const JobRecord& record) override {
    replays_ = record.replays;
    const bool refused = record.status != JobStatus::dead || (record.replays >= JobQueue::kReplaysMax && !force_);
    refused ? replay_record() : search();  // the record store says why
  }

  void on_dead_letter() override {
    RabbitMessage message = dead_letter_->message;
    message.attempt = 0;
    message.replays = replays_ + 1;
    message.reason.clear();
    message.history.clear();
    auto confirmed = await<Ok>([this](const Status& status) { status ? replay_record() : finish(status.error()); });
    context_.broker.publish(std::move(message), Duration(0), std::move(confirmed));
  }

  void on_no_dead_letter() override { finish({ErrorCode::unavailable, "there is no dead letter of job " + id_}); }

  void replay_record() {
    const auto replayed = [this](const Status& status) {
      UnackedDeliveries& deliveries = context_.deliveries;
      finish(status);
      if (status) deliveries.announce_work();
    };
    step_ = context_.records->replay(home_, id_, force_, then(replayed));
  }

  const bool force_;
  int replays_ = 0;
};

class PurgeCall final : public DeadLetterCall {
 public:
  PurgeCall(RabbitContext& context, net::Runtime& home, const std::string& id, Callback<Ok> done)
      : DeadLetterCall(context, home, id, std::move(done)) {}

 private:
  void on_record(const JobRecord& record) override { record.status == JobStatus::dead ? search() : purge_record(); }
  void on_dead_letter() override { purge_record(); }
  void on_no_dead_letter() override { purge_record(); }
  void purge_record() {
    step_ = context_.records->purge(home_, id_, then([this](const Status& status) { finish(status); }));
  }
};

}  // namespace

OperationPtr start_replay(RabbitContext& context, net::Runtime& home, const std::string& id, bool force,
                          Callback<Ok> done) {
  return RabbitCall::start<ReplayCall>(context, home, id, force, std::move(done));
}

OperationPtr start_purge(RabbitContext& context, net::Runtime& home, const std::string& id, Callback<Ok> done) {
  return RabbitCall::start<PurgeCall>(context, home, id, std::move(done));
}

}  // namespace tidegate::jobs
