// The JobQueue interface over the store's thread: each call becomes a StoreCall.
#include "jobs/redis/queue.h"

#include "jobs/redis/operations.h"
#include "jobs/redis/thread.h"

namespace tidegate::jobs {

namespace {

constexpr int kSweepRounds = 50;

template <typename T>
using Pending = std::shared_ptr<PendingCall<T>>;

// Reads a blob piece by piece through the store's thread.
class RedisBodyReader final : public net::BodyReader {
 public:
  using Read = std::function<void(RedisStore&, uint64_t offset, size_t count, RedisStore::Done<std::string>)>;
  RedisBodyReader(std::shared_ptr<RedisThread> thread, net::Runtime& home, uint64_t size, Read read)
      : thread_(std::move(thread)), home_(home), size_(size), read_(std::move(read)) {}

  uint64_t size() const override { return size_; }

  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                          std::function<void(Result<std::string>)> done) override {
    auto pending = std::make_shared<PendingCall<std::string>>(&home_, std::move(done));
    thread_->submit(pending, [thread = thread_.get(), pending, read = read_, offset, count](RedisStore& store) {
      read(store, offset, count, [thread, pending](Result<std::string> bytes) {
        pending->set(std::move(bytes));
        thread->finished(pending);
      });
    });
    return std::make_unique<StoreCallHandle>(std::move(pending));
  }

 private:
  std::shared_ptr<RedisThread> thread_;
  net::Runtime& home_;
  uint64_t size_;
  Read read_;
};

class RedisQueue final : public RecordStore {
 public:
  explicit RedisQueue(const RedisQueueOptions& options)
      : tls_(options.tls.context), limits_(options.limits), thread_(std::make_shared<RedisThread>(options)) {
    thread_->wait_for_server(options.open_wait);
  }
  ~RedisQueue() override { thread_->stop(); }

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override {
    auto shared = std::make_shared<const JobDraft>(std::move(draft));
    auto pending = std::make_shared<PendingCall<Appended>>(&home, std::move(done));
    pending->on_abandoned = [thread = std::weak_ptr(thread_)](Appended& appended) {
      if (appended.existing) return;
      correct(thread, [id = appended.id](RedisStore& s) { s.undo_append(id); });
    };
    // Failed in doubt, and nobody will query this id again.
    pending->on_abandoned_error = [thread = std::weak_ptr(thread_), id = shared->id](const Error& error) {
      if (error.code != ErrorCode::unavailable) return;
      correct(thread, [id](RedisStore& s) { s.undo_append(id); });
    };
    const auto dropped = [call = std::weak_ptr(pending)] {
      const auto alive = call.lock();
      return !alive || alive->dropped();
    };
    return submit<Appended>(std::move(pending), [shared, dropped](RedisStore& s, auto on_result) {
      append_job(s, shared, dropped, std::move(on_result));
    });
  }

  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    auto pending = std::make_shared<PendingCall<std::optional<ClaimedJob>>>(&home, std::move(done));
    pending->on_abandoned = [thread = std::weak_ptr(thread_)](std::optional<ClaimedJob>& job) {
      if (job) correct(thread, [job = *job](RedisStore& s) { give_back(s, job); });
    };
    return submit<std::optional<ClaimedJob>>(
        std::move(pending), [lease](RedisStore& s, auto on_result) { claim_job(s, lease, std::move(on_result)); });
  }

  OperationPtr claim_id(net::Runtime& home, const std::string& id, Duration lease, Callback<ClaimedJob> done) override {
    auto pending = std::make_shared<PendingCall<ClaimedJob>>(&home, std::move(done));
    pending->on_abandoned = [thread = std::weak_ptr(thread_)](ClaimedJob& job) {
      correct(thread, [job](RedisStore& s) { give_back(s, job); });
    };
    return submit<ClaimedJob>(std::move(pending), [id, lease](RedisStore& s, auto on_result) {
      claim_job_by_id(s, id, lease, std::move(on_result));
    });
  }

  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done),
                   [job, lease](RedisStore& s, auto on_result) { renew_claim(s, job, lease, std::move(on_result)); });
  }

  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override {
    auto blob = std::make_shared<RedisBlob>("body:" + job.id, job.body_size);
    return std::make_shared<RedisBodyReader>(thread_, home, job.body_size,
                                             [job, blob](RedisStore& s, uint64_t offset, size_t count, auto on_result) {
                                               read_body(s, job, blob, offset, count, std::move(on_result));
                                             });
  }

  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    auto shared = std::make_shared<const StoredResponse>(std::move(response));
    auto pending = std::make_shared<PendingCall<Ok>>(&home, std::move(done));
    const auto dropped = [call = std::weak_ptr(pending)] {
      const auto alive = call.lock();
      return !alive || alive->dropped();
    };
    return submit<Ok>(std::move(pending), [job, attempt, shared, dropped](RedisStore& s, auto on_result) {
      succeed_job(s, job, attempt, shared, dropped, std::move(on_result));
    });
  }

  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done), [job, attempt, not_before](RedisStore& s, auto on_result) {
      retry_job(s, job, attempt, not_before, std::move(on_result));
    });
  }

  OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done), [job, attempt, not_before](RedisStore& s, auto on_result) {
      defer_job(s, job, attempt, not_before, std::move(on_result));
    });
  }

  OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                           Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done), [job, attempt](RedisStore& s, auto on_result) {
      dead_letter_job(s, job, attempt, std::move(on_result));
    });
  }

  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done), [job, not_before](RedisStore& s, auto on_result) {
      release_job(s, job, not_before, std::move(on_result));
    });
  }

  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override {
    return ask<JobRecord>(home, std::move(done),
                          [id](RedisStore& s, auto on_result) { find_job(s, id, std::move(on_result)); });
  }

  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override {
    const auto open = [thread = thread_, &home, done = std::move(done)](Result<RedisResultHead> head) {
      if (!head) return done(head.error());
      const auto read = [blob = head->body](RedisStore& s, uint64_t offset, size_t count, auto on_result) {
        read_result(s, blob, offset, count, std::move(on_result));
      };
      done(ResultReader{head->status, std::move(head->fields),
                        std::make_shared<RedisBodyReader>(thread, home, head->body->size(), read)});
    };
    return ask<RedisResultHead>(home, open,
                                [id](RedisStore& s, auto on_result) { find_result(s, id, std::move(on_result)); });
  }

  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done),
                   [id](RedisStore& s, auto on_result) { cancel_job(s, id, std::move(on_result)); });
  }

  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done),
                   [id, force](RedisStore& s, auto on_result) { replay_job(s, id, force, std::move(on_result)); });
  }

  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done),
                   [id](RedisStore& s, auto on_result) { purge_job(s, id, std::move(on_result)); });
  }

  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override {
    return ask<JobPage>(home, std::move(done),
                        [filter](RedisStore& s, auto on_result) { list_jobs(s, filter, std::move(on_result)); });
  }

  OperationPtr admit(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>(home, std::move(done),
                   [id](RedisStore& s, auto on_result) { admit_job(s, id, std::move(on_result)); });
  }

  void tidy(net::Runtime&) override {
    thread_->correct([](RedisStore& s) { sweep(s, kSweepRounds); });
  }

  void set_limits(const QueueLimits& limits) override { limits_.set(limits); }

  QueueView view() const override { return thread_->view(); }
  void on_work(net::Runtime& home, std::function<void()> changed) override {
    thread_->on_work(home, std::move(changed));
  }
  std::vector<TlsContextPtr> tls() const override { return tls_ ? std::vector{tls_} : std::vector<TlsContextPtr>(); }
  void close(net::Runtime& home, std::function<void()> done) override { thread_->close(home, std::move(done)); }

 private:
  // What nobody waits for; without a thread (it has ended) the server's own leases put it right.
  static void correct(const std::weak_ptr<RedisThread>& thread, std::function<void(RedisStore&)> task) {
    if (const auto alive = thread.lock()) alive->correct(std::move(task));
  }

  template <typename T>
  OperationPtr submit(Pending<T> pending, std::function<void(RedisStore&, RedisStore::Done<T>)> work) {
    thread_->submit(pending, [thread = thread_.get(), pending, work = std::move(work)](RedisStore& store) {
      work(store, [thread, pending](Result<T> result) {
        pending->set(std::move(result));
        thread->finished(pending);
      });
    });
    return std::make_unique<StoreCallHandle>(std::move(pending));
  }
  template <typename T>
  OperationPtr ask(net::Runtime& home, Callback<T> done, std::function<void(RedisStore&, RedisStore::Done<T>)> work) {
    return submit<T>(std::make_shared<PendingCall<T>>(&home, std::move(done)), std::move(work));
  }

  const TlsContextPtr tls_;
  SharedLimits limits_;
  std::shared_ptr<RedisThread> thread_;
};

}  // namespace

std::unique_ptr<RecordStore> open_redis_queue(const RedisQueueOptions& options) {
  return std::make_unique<RedisQueue>(options);
}

}  // namespace tidegate::jobs
