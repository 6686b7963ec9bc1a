// Append: the record first, then the message, then the reply.
//
//   record (accepting) ──▶ publish ──confirmed──▶ admit (queued) ──▶ appended
//                             │
//                             │ refused, unroutable, no confirm in time
//                             ▼
//                        unavailable: the record expires after a while, or the next append of the id continues with it
#include "jobs/rabbit/call.h"
#include "jobs/rabbit/operations.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kConfirmGrace = 500ms;  // the broker's thread notices first that a confirm is late

class AppendCall final : public RabbitCall {
 public:
  AppendCall(RabbitContext& context, net::Runtime& home, JobDraft draft, Callback<Appended> done)
      : RabbitCall(context, home), draft_(std::move(draft)), done_(std::move(done)) {
    context_.deliveries.begin_append(draft_.id);
  }
  ~AppendCall() override {
    if (!ended_) context_.deliveries.end_append(draft_.id, false);
  }

 private:
  void on_dropped() override { done_ = nullptr; }

  void run() override {
    if (dropped_) return finish({ErrorCode::cancelled, "the caller has dropped it"});
    if (std::string reason = context_.unavailable_reason(); !reason.empty()) {
      return finish({ErrorCode::unavailable, reason});
    }
    draft_.external = true;
    if (!draft_.body.file) {  // the record store and the message share it
      draft_.body = {"", std::make_shared<SharedBody>(std::move(draft_.body.memory))};
    }
    step_ = context_.records->append(home_, draft_,
                                     then([this](Result<Appended> appended) { on_record(std::move(appended)); }));
  }

  void on_record(Result<Appended> appended) {
    if (appended && appended->existing) return finish(std::move(appended));
    if (!appended && appended.error().code == ErrorCode::conflict) return check_existing(appended.error());
    if (!appended) return finish(std::move(appended));
    appended_ = std::move(*appended);
    publish();
  }

  // The id exists: as an append that did not finish, or as a job.
  void check_existing(const Error& conflict) {
    const auto checked = [this, conflict](const Result<JobRecord>& found) {
      if (found) return finish(conflict);
      if (found.error().code != ErrorCode::not_found) return finish(found.error());
      appended_.id = draft_.id;
      publish();
    };
    step_ = context_.records->find(home_, draft_.id, then(checked));
  }

  void publish() {
    if (dropped_) return cancel();
    auto confirmed = await<Ok>([this](const Status& status) { on_confirmed(status); });
    timer_.start_after(context_.broker.confirm_max(draft_.body.size()) + kConfirmGrace);
    const Duration wait = draft_.not_before - home_.wall_now();
    context_.broker.publish(message_of(draft_), wait, std::move(confirmed));
  }

  void on_timeout() override { finish({ErrorCode::unavailable, "rabbitmq: no confirm in time"}); }

  void on_confirmed(const Status& status) {
    timer_.stop();
    if (dropped_) return cancel();
    if (!status) return finish(status.error());
    step_ = context_.records->admit(home_, draft_.id, then([this](const Status& admitted) { on_admitted(admitted); }));
  }

  void on_admitted(const Status& status) {
    if (dropped_) return cancel();
    if (!status) return finish(status.error());
    finish(appended_);
  }

  // No caller was promised the job. Its message will find the record cancelled.
  void cancel() {
    const auto cancelled = [this](const Status&) { finish({ErrorCode::cancelled, "the caller has dropped it"}); };
    step_ = context_.records->cancel(home_, draft_.id, then(cancelled));
  }

  void finish(Result<Appended> result) {
    const auto done = std::exchange(done_, nullptr);
    context_.deliveries.end_append(draft_.id, result.ok() && !result->existing);
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

OperationPtr start_append(RabbitContext& context, net::Runtime& home, JobDraft draft, Callback<Appended> done) {
  return RabbitCall::start<AppendCall>(context, home, std::move(draft), std::move(done));
}

}  // namespace tidegate::jobs
