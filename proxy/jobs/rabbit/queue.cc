// The JobQueue interface over flows; what concerns records alone goes to their store as it is.
#include "jobs/rabbit/queue.h"

#include "jobs/rabbit/flow.h"

namespace tidegate::jobs {

namespace {

// The body of a message in hand.
class HeldBody final : public net::BodyReader {
 public:
  HeldBody(net::Runtime& home, std::shared_ptr<const net::FileContent> content)
      : home_(home), content_(std::move(content)) {}

  uint64_t size() const override { return content_ ? content_->size() : 0; }
  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                          std::function<void(Result<std::string>)> done) override {
    auto answer = std::make_shared<PendingCall<std::string>>(&home_, std::move(done));
    if (content_) {
      answer->set(content_->read_at(offset, count));
    } else {
      answer->fail({ErrorCode::io, "the message of this job is no longer here"});
    }
    StoreCall::answer(answer);
    return std::make_unique<StoreCallHandle>(std::move(answer));
  }

 private:
  net::Runtime& home_;
  std::shared_ptr<const net::FileContent> content_;
};

RabbitThreadOptions thread_options(RabbitQueueOptions& options) {
  RabbitThreadOptions thread;
  thread.url = options.url;
  thread.name = options.name;
  thread.prefetch = options.prefetch;
  thread.answer_max = options.answer_max;
  thread.settle = options.settle;
  thread.letters_ttl = 2 * options.limits.results_ttl;  // as long as the record of a dead job
  thread.on_confirm = std::move(options.on_commit);
  return thread;
}

class RabbitQueue final : public JobQueue {
 public:
  explicit RabbitQueue(RabbitQueueOptions options) : parts_(std::move(options.records), thread_options(options)) {}

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override {
    return start_append(parts_, home, std::move(draft), std::move(done));
  }
  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    return start_claim(parts_, home, lease, std::move(done));
  }

  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    const WallTime until = home.wall_now() + lease;
    return records().renew(home, job, lease,
                           [this, id = job.id, claim = job.claim, until, done = std::move(done)](const Status& status) {
                             if (status) parts_.shelf.extend(id, claim, until);
                             done(status);
                           });
  }

  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override {
    const DeliveryPtr delivery = parts_.shelf.held(job.id, job.claim);
    return std::make_shared<HeldBody>(home, delivery ? delivery->arrival.message.body.file : nullptr);
  }

  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    const auto in_record = [this, &home, job, attempt, response = std::move(response)](Callback<Ok> then) mutable {
      return records().succeed(home, job, attempt, std::move(response), std::move(then));
    };
    return start_end(parts_, home, {RabbitEnd::Kind::succeed, job, {}, in_record}, std::move(done));
  }
  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    const auto in_record = [this, &home, job, attempt, not_before](Callback<Ok> then) {
      return records().retry(home, job, attempt, not_before, std::move(then));
    };
    return start_end(parts_, home, {RabbitEnd::Kind::retry, job, not_before, in_record}, std::move(done));
  }
  OperationPtr bury(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, Callback<Ok> done) override {
    const auto in_record = [this, &home, job, attempt](Callback<Ok> then) {
      return records().bury(home, job, attempt, std::move(then));
    };
    return start_end(parts_, home, {RabbitEnd::Kind::bury, job, {}, in_record}, std::move(done));
  }
  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    const auto in_record = [this, &home, job, not_before](Callback<Ok> then) {
      return records().release(home, job, not_before, std::move(then));
    };
    return start_end(parts_, home, {RabbitEnd::Kind::release, job, not_before, in_record}, std::move(done));
  }

  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override {
    return records().find(home, id, std::move(done));
  }
  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override {
    return records().result(home, id, std::move(done));
  }
  // Its message finds that there is nothing to run.
  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return records().cancel(home, id, std::move(done));
  }
  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override {
    return start_replay(parts_, home, id, force, std::move(done));
  }
  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return start_purge(parts_, home, id, std::move(done));
  }
  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override {
    return records().list(home, std::move(filter), std::move(done));
  }
  void tidy(net::Runtime& home) override { records().tidy(home); }

  QueueView view() const override {
    QueueView view = parts_.records->view();
    view.damaged_total += parts_.damaged;
    const std::string away = parts_.thread.why_away();
    if (!away.empty() && view.available) view.available = false, view.why_unavailable = away;
    return view;
  }
  void on_work(net::Runtime& home, std::function<void()> changed) override {
    parts_.shelf.on_work(home, std::move(changed));
  }
  void close(net::Runtime& home, std::function<void()> done) override {
    parts_.thread.close(home, [this, &home, done = std::move(done)] { records().close(home, done); });
  }

 private:
  RecordStore& records() { return *parts_.records; }

  RabbitParts parts_;
};

}  // namespace

std::unique_ptr<JobQueue> open_rabbit_queue(RabbitQueueOptions options) {
  return std::make_unique<RabbitQueue>(std::move(options));
}

}  // namespace tidegate::jobs
