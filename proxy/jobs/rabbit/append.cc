// Append: the record first, then the message, then the promise.
//
//   record (accepting) ──▶ publish ──confirmed──▶ admit (queued) ──▶ answered
//                             │ refused, returned, no confirm in time: unavailable; the record is forgotten after a
//                             ▼ while, or taken up by the next append of the same id
#include "jobs/rabbit/flow.h"

namespace tidegate::jobs {

namespace {

class AppendFlow final : public RabbitFlow {
 public:
  AppendFlow(RabbitParts& parts, net::Runtime& home, JobDraft draft, Callback<Appended> done)
      : RabbitFlow(parts, home), draft_(std::move(draft)), done_(std::move(done)) {
    parts_.shelf.begin_append(draft_.id);
  }
  ~AppendFlow() override {
    if (!ended_) parts_.shelf.end_append(draft_.id, false);
  }

 private:
  void on_dropped() override { done_ = nullptr; }

  void run() override {
    if (dropped_) return finish({ErrorCode::cancelled, "nobody waits"});
    if (std::string why = parts_.why_unavailable(); !why.empty()) return finish({ErrorCode::unavailable, why});
    draft_.external = true;
    if (!draft_.body.file) {  // the record store and the message share it
      draft_.body = {"", std::make_shared<SharedBody>(std::move(draft_.body.memory))};
    }
    step_ =
        parts_.records->append(home_, draft_, [this](Result<Appended> appended) { on_record(std::move(appended)); });
  }

  void on_record(Result<Appended> appended) {
    const auto step = std::move(step_);
    if (appended && appended->existing) return finish(std::move(appended));
    if (!appended && appended.error().code == ErrorCode::conflict) return look(appended.error());
    if (!appended) return finish(std::move(appended));
    appended_ = std::move(*appended);
    publish();
  }

  // The id is there: as an append that was not finished, or as a job.
  void look(const Error& conflict) {
    step_ = parts_.records->find(home_, draft_.id, [this, conflict](const Result<JobRecord>& record) {
      const auto step = std::move(step_);
      if (record || record.error().code != ErrorCode::not_found) return finish(record ? conflict : record.error());
      appended_.id = draft_.id;
      publish();
    });
  }

  void publish() {
    if (dropped_) return take_back();
    auto answer = std::make_shared<PendingCall<Ok>>(&home_, [this](const Status& status) { on_published(status); });
    step_ = std::make_unique<StoreCallHandle>(answer);
    timer_.start_after(parts_.thread.publish_max(draft_.body.size()) + std::chrono::milliseconds(500));
    const Duration wait = draft_.not_before - home_.wall_now();
    parts_.thread.publish(message_of(draft_), wait, std::move(answer));
  }

  void on_timeout() override { finish({ErrorCode::unavailable, "rabbitmq: no confirm in time"}); }

  void on_published(const Status& status) {
    const auto step = std::move(step_);
    timer_.stop();
    if (dropped_) return take_back();
    if (!status) return finish(status.error());
    step_ = parts_.records->admit(home_, draft_.id, [this](const Status& admitted) {
      const auto admitting = std::move(step_);
      if (dropped_) return take_back();
      if (!admitted) return finish(admitted.error());
      finish(appended_);
    });
  }

  // Nobody was promised it. Its message finds no job to run.
  void take_back() {
    step_ = parts_.records->cancel(home_, draft_.id, [this](const Status&) {
      const auto step = std::move(step_);
      finish({ErrorCode::cancelled, "nobody waits"});
    });
  }

  void finish(Result<Appended> result) {
    const auto done = std::exchange(done_, nullptr);
    parts_.shelf.end_append(draft_.id, result.ok() && !result->existing);
    ended_ = true;
    end();
    if (done) done(std::move(result));
  }

  bool ended_ = false;
  JobDraft draft_;
  Appended appended_;
  Callback<Appended> done_;
};

}  // namespace

OperationPtr start_append(RabbitParts& parts, net::Runtime& home, JobDraft draft, Callback<Appended> done) {
  return RabbitFlow::start<AppendFlow>(parts, home, std::move(draft), std::move(done));
}

}  // namespace tidegate::jobs
