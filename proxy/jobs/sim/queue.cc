// Calls are queued, as a store's are; each takes effect and is completed in one event, unless the seed says otherwise.
#include "jobs/sim/queue.h"

#include <algorithm>
#include <deque>
#include <type_traits>

#include "base/assert.h"
#include "jobs/sim/memory_jobs.h"
#include "net/timer.h"

namespace tidegate::jobs {

namespace {

// A queued call. `apply` makes the change; `complete` passes on what it returned, or with an error instead.
struct Call {
  std::function<void()> apply;
  std::function<void(const Error*)> complete;
  std::function<void()> undo;  // for a change whose caller has gone
  bool claims = false;
  bool changes = false;
  bool makes_work = false;
  bool refused = false;  // came after close()
  Time at;
};

class CallHandle final : public net::Operation {
 public:
  explicit CallHandle(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  ~CallHandle() override { call_->complete = nullptr; }

 private:
  std::shared_ptr<Call> call_;
};

class SimQueueImpl final : public SimQueue {
 public:
  SimQueueImpl(net::Runtime& runtime, const QueueLimits& limits, uint64_t seed)
      : runtime_(runtime), jobs_(limits), random_(seed), next_(runtime, [this] { run_due(); }) {}

  void set_faults(const SimQueueFaults& faults) override { faults_ = faults; }

  void crash() override {
    next_.stop();
    for (const auto& call : std::exchange(calls_, {})) {
      // A call that nobody waited for any more is not begun.
      if (call->complete && random_.chance(0.5)) call->apply();
    }
    jobs_.recover(runtime_.wall_now());
    closing_ = false;
    changed_ = nullptr;
    last_ = {};
  }

  std::vector<JobRecord> all() const override {
    std::vector<JobRecord> records;
    records.reserve(jobs_.all().size());
    for (const auto& [number, job] : jobs_.all()) records.push_back(job.record);
    return records;
  }
  std::optional<StoredResponse> stored_result(const std::string& id) const override {
    const MemoryJob* job = jobs_.find_job(id);
    return job ? job->result : std::nullopt;
  }
  std::string field(const std::string& id, std::string_view name) const override {
    const MemoryJob* job = jobs_.find_job(id);
    if (!job) return "";
    for (const auto& [field_name, value] : job->draft.fields) {
      if (field_name == name) return value;
    }
    return "";
  }
  void append_at_once(const JobDraft& draft) override { TG_ASSERT(jobs_.append(draft).ok()); }

  OperationPtr append(net::Runtime&, JobDraft draft, Callback<Appended> done) override {
    const auto undo = [this](const Appended& appended) {
      if (!appended.existing) static_cast<void>(jobs_.cancel(appended.id, runtime_.wall_now()));
    };
    auto call = make<Appended>([this, draft = std::move(draft)] { return jobs_.append(draft); }, std::move(done), undo);
    call->makes_work = true;
    return enqueue(std::move(call));
  }
  OperationPtr claim(net::Runtime&, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    const auto undo = [this](const std::optional<ClaimedJob>& job) {
      if (job) static_cast<void>(jobs_.release(*job, WallTime{}));
    };
    auto call = make<std::optional<ClaimedJob>>([this, lease] { return jobs_.claim(lease, runtime_.wall_now()); },
                                                std::move(done), undo);
    call->claims = true;
    return enqueue(std::move(call));
  }
  OperationPtr renew(net::Runtime&, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    return ask<Ok>([this, job, lease] { return jobs_.renew(job, lease, runtime_.wall_now()); }, std::move(done));
  }
  std::shared_ptr<net::BodyReader> open_body(net::Runtime&, const ClaimedJob& job) override {
    return std::make_shared<Body>(*this, job.body_size, [this, job](uint64_t offset, size_t count) {
      return jobs_.read_body(job, offset, count);
    });
  }
  OperationPtr succeed(net::Runtime&, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    return ask<Ok>(
        [this, job, attempt, response] { return jobs_.succeed(job, attempt, response, runtime_.wall_now()); },
        std::move(done));
  }
  OperationPtr retry(net::Runtime&, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return ask<Ok>([this, job, attempt, not_before] { return jobs_.retry(job, attempt, not_before); }, std::move(done));
  }
  OperationPtr defer(net::Runtime&, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return ask<Ok>([this, job, attempt, not_before] { return jobs_.defer(job, attempt, not_before); }, std::move(done));
  }
  OperationPtr dead_letter(net::Runtime&, const ClaimedJob& job, AttemptRecord attempt, Callback<Ok> done) override {
    return ask<Ok>([this, job, attempt] { return jobs_.dead_letter(job, attempt, runtime_.wall_now()); },
                   std::move(done));
  }
  OperationPtr release(net::Runtime&, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    auto call = make<Ok>([this, job, not_before] { return jobs_.release(job, not_before); }, std::move(done), nullptr);
    call->makes_work = true;
    return enqueue(std::move(call));
  }
  OperationPtr find(net::Runtime&, const std::string& id, Callback<JobRecord> done) override {
    return ask<JobRecord>([this, id] { return jobs_.find(id, runtime_.wall_now()); }, std::move(done));
  }
  OperationPtr result(net::Runtime&, const std::string& id, Callback<ResultReader> done) override {
    return ask<ResultReader>(
        [this, id]() -> Result<ResultReader> {
          auto stored = jobs_.result(id);
          if (!stored) return stored.error();
          const auto shared = std::make_shared<StoredResponse>(std::move(*stored));
          const auto read = [shared](uint64_t offset, size_t count) -> Result<std::string> {
            return slice(shared->body, offset, count);
          };
          return ResultReader{shared->status, shared->fields, std::make_shared<Body>(*this, shared->body.size(), read)};
        },
        std::move(done));
  }
  OperationPtr cancel(net::Runtime&, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>([this, id] { return jobs_.cancel(id, runtime_.wall_now()); }, std::move(done));
  }
  OperationPtr replay(net::Runtime&, const std::string& id, bool force, Callback<Ok> done) override {
    auto call =
        make<Ok>([this, id, force] { return jobs_.replay(id, force, runtime_.wall_now()); }, std::move(done), nullptr);
    call->makes_work = true;
    return enqueue(std::move(call));
  }
  OperationPtr purge(net::Runtime&, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>([this, id] { return jobs_.purge(id); }, std::move(done));
  }
  OperationPtr list(net::Runtime&, JobFilter filter, Callback<JobPage> done) override {
    return ask<JobPage>([this, filter = std::move(filter)] { return jobs_.list(filter); }, std::move(done));
  }

  void tidy(net::Runtime&) override { jobs_.sweep(runtime_.wall_now()); }
  void set_limits(const QueueLimits& limits) override { jobs_.set_limits(limits); }
  QueueView view() const override { return jobs_.view(); }
  void on_work(net::Runtime&, std::function<void()> changed) override { changed_ = std::move(changed); }
  void close(net::Runtime&, std::function<void()> done) override {
    closing_ = true;
    auto call = std::make_shared<Call>();
    call->apply = [] {};
    call->complete = [done = std::move(done)](const Error*) { done(); };
    call->at = last_ = std::max(last_, runtime_.now() + faults_.delay_min);
    put(std::move(call));
  }

 private:
  class Body final : public net::BodyReader {
   public:
    using Read = std::function<Result<std::string>(uint64_t, size_t)>;
    Body(SimQueueImpl& queue, uint64_t size, Read read) : queue_(queue), size_(size), read_(std::move(read)) {}
    uint64_t size() const override { return size_; }
    std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                            std::function<void(Result<std::string>)> done) override {
      return queue_.ask<std::string>([read = read_, offset, count] { return read(offset, count); }, std::move(done));
    }

   private:
    SimQueueImpl& queue_;
    uint64_t size_;
    Read read_;
  };

  template <typename T>
  std::shared_ptr<Call> make(std::function<Result<T>()> work, Callback<T> done, std::function<void(const T&)> undo) {
    auto call = std::make_shared<Call>();
    call->changes = !std::is_same_v<T, JobRecord> && !std::is_same_v<T, ResultReader> && !std::is_same_v<T, JobPage> &&
                    !std::is_same_v<T, std::string>;
    const auto result = std::make_shared<std::optional<Result<T>>>();
    call->apply = [work = std::move(work), result] { result->emplace(work()); };
    call->complete = [result, done = std::move(done)](const Error* instead) {
      done(instead ? Result<T>(*instead) : std::move(**result));
    };
    call->undo = [result, undo = std::move(undo)] {
      if (undo && result->has_value() && (*result)->ok()) undo(**(*result));
    };
    return call;
  }
  template <typename T>
  OperationPtr ask(std::function<Result<T>()> work, Callback<T> done) {
    return enqueue(make<T>(std::move(work), std::move(done), nullptr));
  }

  OperationPtr enqueue(std::shared_ptr<Call> call) {
    const auto spread = static_cast<uint64_t>((faults_.delay_max - faults_.delay_min).count());
    Duration delay = faults_.delay_min + Duration(static_cast<int64_t>(random_.below(spread + 1)));
    if (random_.chance(faults_.stall)) delay += faults_.stall_for;
    call->refused = closing_;
    call->at = last_ = std::max(last_, runtime_.now() + delay);
    auto handle = std::make_unique<CallHandle>(call);
    put(std::move(call));
    return handle;
  }

  void put(std::shared_ptr<Call> call) {
    calls_.push_back(std::move(call));
    if (!next_.active()) next_.start_at(calls_.front()->at);
  }

  void run_due() {
    const auto call = calls_.front();
    calls_.pop_front();
    if (!calls_.empty()) next_.start_at(calls_.front()->at);
    const bool full = faults_.disk_full && call->changes;
    const bool fails = call->refused || random_.chance(faults_.fail) || full;
    // A failed change may have happened all the same; a failed claim never (its lease would be an attempt), and a
    // failed append is undone, as a store does with records that nobody was promised.
    if (!fails || (!call->refused && !call->claims && !full && random_.chance(0.5))) call->apply();
    const auto complete = std::exchange(call->complete, nullptr);
    if ((fails || !complete) && call->undo) {
      call->undo();
      if (call->claims) call->makes_work = true;  // the job is there for another claim
    }
    const Error error = full ? Error{ErrorCode::exhausted, "disk_full: the simulated disk is full"}
                             : Error{ErrorCode::unavailable, "the simulated store failed"};
    if (complete) complete(fails ? &error : nullptr);
    if (!call->makes_work || !changed_) return;
    runtime_.post([alive = std::weak_ptr(alive_), this] {
      if (!alive.expired() && changed_) changed_();
    });
  }

  net::Runtime& runtime_;
  MemoryJobs jobs_;
  Random random_;
  SimQueueFaults faults_;
  std::deque<std::shared_ptr<Call>> calls_;
  Time last_{};
  bool closing_ = false;
  std::function<void()> changed_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  net::Timer next_;
};

}  // namespace

std::unique_ptr<SimQueue> SimQueue::make(net::Runtime& runtime, const QueueLimits& limits, uint64_t seed) {
  return std::make_unique<SimQueueImpl>(runtime, limits, seed);
}

}  // namespace tidegate::jobs
