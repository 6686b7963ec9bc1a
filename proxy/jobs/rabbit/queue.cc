// The JobQueue interface: calls that concern a message too are in operations.h, all others go to the record store.
#include "jobs/rabbit/queue.h"

#include "jobs/rabbit/context.h"
#include "jobs/rabbit/operations.h"

namespace tidegate::jobs {

namespace {

// The body of a claimed message.
class HeldBody final : public net::BodyReader {
 public:
  HeldBody(net::Runtime& home, std::shared_ptr<const net::FileContent> content)
      : home_(home), content_(std::move(content)) {}

  uint64_t size() const override { return content_ ? content_->size() : 0; }
  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                          std::function<void(Result<std::string>)> done) override {
    auto call = std::make_shared<PendingCall<std::string>>(&home_, std::move(done));
    if (content_) {
      call->set(content_->read_at(offset, count));
    } else {
      call->fail({ErrorCode::io, "the message of this job is no longer in RabbitMQ"});
    }
    StoreCall::complete(call);
    return std::make_unique<StoreCallHandle>(std::move(call));
  }

 private:
  net::Runtime& home_;
  std::shared_ptr<const net::FileContent> content_;
};

BrokerOptions broker_options(RabbitQueueOptions& options) {
  BrokerOptions broker;
  broker.url = options.url;
  broker.tls = options.tls;
  broker.name = options.name;
  broker.prefetch = options.prefetch;
  broker.reply_timeout = options.reply_timeout;
  broker.settle = options.settle;
  broker.limits = options.limits;
  broker.on_confirm = std::move(options.on_commit);
  return broker;
}

class RabbitQueue final : public JobQueue {
 public:
  explicit RabbitQueue(RabbitQueueOptions options)
      : tls_(options.tls.context),
        limits_(options.limits),
        context_(std::move(options.records), broker_options(options)) {}

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override {
    return start_append(context_, home, std::move(draft), std::move(done));
  }
  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    return start_claim(context_, home, lease, std::move(done));
  }

  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    const WallTime until = home.wall_now() + lease;
    return records().renew(home, job, lease,
                           [this, id = job.id, claim = job.claim, until, done = std::move(done)](const Status& status) {
                             if (status) context_.deliveries.extend(id, claim, until);
                             done(status);
                           });
  }

  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override {
    const DeliveryPtr delivery = context_.deliveries.find_held(job.id, job.claim);
    return std::make_shared<HeldBody>(home, delivery ? delivery->received.message.body.file : nullptr);
  }

  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    const auto settle_record = [this, &home, job, attempt, response = std::move(response)](Callback<Ok> then) mutable {
      return records().succeed(home, job, attempt, std::move(response), std::move(then));
    };
    return start_settle(context_, home, {ClaimEnd::Kind::succeed, job, {}, settle_record}, std::move(done));
  }
  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    const auto settle_record = [this, &home, job, attempt, not_before](Callback<Ok> then) {
      return records().retry(home, job, attempt, not_before, std::move(then));
    };
    return start_settle(context_, home, {ClaimEnd::Kind::retry, job, not_before, settle_record}, std::move(done));
  }
  OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    const auto settle_record = [this, &home, job, attempt, not_before](Callback<Ok> then) {
      return records().defer(home, job, attempt, not_before, std::move(then));
    };
    return start_settle(context_, home, {ClaimEnd::Kind::defer, job, not_before, settle_record}, std::move(done));
  }
  OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                           Callback<Ok> done) override {
    const auto settle_record = [this, &home, job, attempt](Callback<Ok> then) {
      return records().dead_letter(home, job, attempt, std::move(then));
    };
    return start_settle(context_, home, {ClaimEnd::Kind::dead_letter, job, {}, settle_record}, std::move(done));
  }
  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    const auto settle_record = [this, &home, job, not_before](Callback<Ok> then) {
      return records().release(home, job, not_before, std::move(then));
    };
    return start_settle(context_, home, {ClaimEnd::Kind::release, job, not_before, settle_record}, std::move(done));
  }

  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override {
    return records().find(home, id, std::move(done));
  }
  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override {
    return records().result(home, id, std::move(done));
  }
  // Its message will find the record cancelled.
  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return records().cancel(home, id, std::move(done));
  }
  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override {
    return start_replay(context_, home, id, force, std::move(done));
  }
  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return start_purge(context_, home, id, std::move(done));
  }
  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override {
    return records().list(home, std::move(filter), std::move(done));
  }
  void tidy(net::Runtime& home) override { records().tidy(home); }
  void set_limits(const QueueLimits& limits) override {
    limits_.set(limits);
    records().set_limits(limits);
  }

  QueueView view() const override {
    QueueView view = context_.records->view();
    view.damaged_total += context_.damaged;
    const std::string reason = context_.broker.unavailable_reason();
    if (view.available && !reason.empty()) {
      view.available = false;
      view.why_unavailable = reason;
    }
    return view;
  }
  void on_work(net::Runtime& home, std::function<void()> changed) override {
    context_.deliveries.on_work(home, std::move(changed));
  }
  std::vector<TlsContextPtr> tls() const override {
    std::vector<TlsContextPtr> all = context_.records->tls();
    if (tls_) all.push_back(tls_);
    return all;
  }
  void close(net::Runtime& home, std::function<void()> done) override {
    context_.broker.close(home, [this, &home, done = std::move(done)] { records().close(home, done); });
  }

 private:
  RecordStore& records() { return *context_.records; }

  const TlsContextPtr tls_;
  SharedLimits limits_;
  RabbitContext context_;
};

}  // namespace

std::unique_ptr<JobQueue> open_rabbit_queue(RabbitQueueOptions options) {
  return std::make_unique<RabbitQueue>(std::move(options));
}

}  // namespace tidegate::jobs
