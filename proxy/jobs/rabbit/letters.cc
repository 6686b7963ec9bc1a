// What operators do with dead letters: a letter is found in the dead queue, and goes back to work or away.
//
//   replay   find (dead) ──▶ letter in hand ──▶ published to work ──▶ record queued ──▶ letter acked
//   purge    find (dead) ──▶ letter in hand ──▶ record forgotten ──▶ letter acked
//
// A crash on the way leaves the job dead and its letter where it was; a message that is at work too early waits for its
// record (rabbit_claim.cc).
#include "jobs/rabbit/flow.h"

namespace tidegate::jobs {

namespace {

constexpr int kSeeksMax = 10;  // a letter may still be on its way, or in another's hand
constexpr Duration kSeekAgain = 200ms;

class LetterFlow : public RabbitFlow {
 protected:
  LetterFlow(RabbitParts& parts, net::Runtime& home, const std::string& id, Callback<Ok> done)
      : RabbitFlow(parts, home), id_(id), done_(std::move(done)) {}

  virtual void on_letter() = 0;  // it is in hand
  virtual void without_letter(const Error& why) = 0;
  virtual void on_record(const JobRecord& record) = 0;

  void run() override {
    step_ = parts_.records->find(home_, id_, [this](const Result<JobRecord>& record) {
      const auto step = std::move(step_);
      record ? on_record(*record) : finish(record.error());
    });
  }
  void on_dropped() override { done_ = nullptr; }

  void seek() {
    auto answer = std::make_shared<PendingCall<RabbitLetter>>(&home_, [this](Result<RabbitLetter> letter) {
      const auto step = std::move(step_);
      on_found(std::move(letter));
    });
    step_ = std::make_unique<StoreCallHandle>(answer);
    parts_.thread.seek(id_, std::move(answer));
  }
  void on_timeout() override { seek(); }

  void finish(const Status& status) {
    if (letter_) parts_.thread.settle_letter(*letter_, status.ok());
    const auto done = std::exchange(done_, nullptr);
    end();
    if (done) done(status);
  }

  const std::string id_;
  std::optional<RabbitLetter> letter_;

 private:
  void on_found(Result<RabbitLetter> letter) {
    if (letter) {
      letter_ = std::move(*letter);
      return on_letter();
    }
    if (letter.error().code == ErrorCode::not_found && ++seeks_ < kSeeksMax) return timer_.start_after(kSeekAgain);
    without_letter(letter.error());
  }

  Callback<Ok> done_;
  int seeks_ = 0;
};

class ReplayFlow final : public LetterFlow {
 public:
  ReplayFlow(RabbitParts& parts, net::Runtime& home, const std::string& id, bool force, Callback<Ok> done)
      : LetterFlow(parts, home, id, std::move(done)), force_(force) {}

 private:
  void on_record(const JobRecord& record) override {
    replays_ = record.replays;
    const bool refused = record.status != JobStatus::dead || (record.replays >= JobQueue::kReplaysMax && !force_);
    refused ? change_record() : seek();  // the record store says why
  }

  void on_letter() override {
    RabbitMessage message = letter_->message;
    message.attempt = 0;
    message.replays = replays_ + 1;
    message.reason.clear();
    message.history.clear();
    auto answer = std::make_shared<PendingCall<Ok>>(&home_, [this](const Status& published) {
      const auto step = std::move(step_);
      published ? change_record() : finish(published.error());
    });
    step_ = std::make_unique<StoreCallHandle>(answer);
    parts_.thread.publish(std::move(message), Duration(0), std::move(answer));
  }

  void without_letter(const Error& why) override {
    finish({ErrorCode::unavailable, "the dead letter is not to be had: " + why.message});
  }

  void change_record() {
    step_ = parts_.records->replay(home_, id_, force_, [this](const Status& status) {
      const auto step = std::move(step_);
      RabbitShelf& shelf = parts_.shelf;
      finish(status);
      if (status) shelf.tell();
    });
  }

  const bool force_;
  int replays_ = 0;
};

class PurgeFlow final : public LetterFlow {
 public:
  PurgeFlow(RabbitParts& parts, net::Runtime& home, const std::string& id, Callback<Ok> done)
      : LetterFlow(parts, home, id, std::move(done)) {}

 private:
  void on_record(const JobRecord& record) override { record.status == JobStatus::dead ? seek() : forget(); }
  void on_letter() override { forget(); }
  void without_letter(const Error& why) override { why.code == ErrorCode::not_found ? forget() : finish(why); }
  void forget() {
    step_ = parts_.records->purge(home_, id_, [this](const Status& status) {
      const auto step = std::move(step_);
      finish(status);
    });
  }
};

}  // namespace

OperationPtr start_replay(RabbitParts& parts, net::Runtime& home, const std::string& id, bool force,
                          Callback<Ok> done) {
  return RabbitFlow::start<ReplayFlow>(parts, home, id, force, std::move(done));
}

OperationPtr start_purge(RabbitParts& parts, net::Runtime& home, const std::string& id, Callback<Ok> done) {
  return RabbitFlow::start<PurgeFlow>(parts, home, id, std::move(done));
}

}  // namespace tidegate::jobs
