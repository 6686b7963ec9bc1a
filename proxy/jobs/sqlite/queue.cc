// The JobQueue interface over the store's thread: each call becomes a StoreCall.
#include "jobs/sqlite/queue.h"

#include <algorithm>

#include "jobs/sqlite/operations.h"
#include "jobs/sqlite/stored_body_reader.h"
#include "jobs/sqlite/thread.h"

namespace tidegate::jobs {

namespace {

template <typename T>
using Work = typename TypedSqliteCall<T>::Work;

uint64_t bytes_of_step(const BodyContent& body) { return std::min(body.size(), kChunkStepBytes); }

template <typename T>
using Call = std::shared_ptr<TypedSqliteCall<T>>;

// Of LargeAppend, LargeSuccess.
template <typename T, typename Large>
class CallInSteps final : public TypedSqliteCall<T> {
 public:
  CallInSteps(std::shared_ptr<PendingCall<T>> pending, const std::shared_ptr<Large>& large)
      : TypedSqliteCall<T>(std::move(pending), [large](SqliteStore& s) { return large->step(s); }), large_(large) {}
  bool waits() const override { return large_->waits(); }

 private:
  const std::shared_ptr<Large> large_;
};

Call<Appended> append_call(std::shared_ptr<PendingCall<Appended>> pending, const std::shared_ptr<const JobDraft>& draft,
                           WallTime now) {
  if (is_large(draft->body)) {
    return std::make_shared<CallInSteps<Appended, LargeAppend>>(std::move(pending),
                                                                std::make_shared<LargeAppend>(draft, now));
  }
  return std::make_shared<TypedSqliteCall<Appended>>(
      std::move(pending), [draft, now](SqliteStore& s) { return append_job(s, *draft, now); });
}

Call<Ok> succeed_call(std::shared_ptr<PendingCall<Ok>> pending, const ClaimedJob& job, const AttemptRecord& attempt,
                      const std::shared_ptr<const StoredResponse>& response, WallTime now) {
  if (is_large(response->body)) {
    return std::make_shared<CallInSteps<Ok, LargeSuccess>>(std::move(pending),
                                                           std::make_shared<LargeSuccess>(job, attempt, response, now));
  }
  return std::make_shared<TypedSqliteCall<Ok>>(
      std::move(pending), [=](SqliteStore& s) { return succeed_job(s, job, attempt, *response, now); });
}

// A correction that nobody waits for; without a thread (it has ended) there is nothing left to correct.
// `corrected`: on the store's thread, once it is durable.
void correct(const std::weak_ptr<SqliteThread>& thread, Work<Ok> work, bool makes_work = false,
             std::function<void()> corrected = nullptr) {
  const auto alive = thread.lock();
  if (!alive) return;
  auto nobody = std::make_shared<PendingCall<Ok>>(nullptr, nullptr);
  if (corrected) nobody->on_abandoned = [corrected = std::move(corrected)](Ok&) { corrected(); };
  auto call = std::make_shared<TypedSqliteCall<Ok>>(std::move(nobody), std::move(work));
  call->correction = true;
  call->makes_work = makes_work;
  alive->submit(std::move(call));
}

class SqliteQueue final : public SqliteSpool, private NoteStore {
 public:
  SqliteQueue(const SqliteOptions& options, Result<OpenStore> opened, SqliteFindings findings)
      : limits_(options.limits),
        notes_(opened ? opened->store->notes() : Notes{}),
        thread_(std::make_shared<SqliteThread>(options, std::move(opened), std::move(findings))) {}
  ~SqliteQueue() override { thread_->stop(); }

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override {
    const std::string id = draft.id;
    const WallTime now = home.wall_now();
    auto shared = std::make_shared<const JobDraft>(std::move(draft));
    auto pending = std::make_shared<PendingCall<Appended>>(&home, std::move(done));
    pending->on_abandoned = [thread = std::weak_ptr(thread_), now](Appended& appended) {
      if (appended.existing) return;
      correct(thread, [id = appended.id, now](SqliteStore& s) { return cancel_job(s, id, now); });
    };
    auto call = append_call(pending, shared, now);
    call->bytes = bytes_of_step(shared->body);
    call->promised = id;
    call->makes_work = true;
    return submit(std::move(call), std::move(pending));
  }

  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    const auto work = [lease, now = home.wall_now()](SqliteStore& s) { return claim_job(s, lease, now); };
    auto pending = std::make_shared<PendingCall<std::optional<ClaimedJob>>>(&home, std::move(done));
    pending->on_abandoned = [thread = std::weak_ptr(thread_)](std::optional<ClaimedJob>& job) {
      if (!job) return;
      correct(
          thread, [job = *job](SqliteStore& s) { return release_job(s, job, WallTime{}); }, true);
    };
    auto call = std::make_shared<TypedSqliteCall<std::optional<ClaimedJob>>>(pending, work);
    return submit(std::move(call), std::move(pending));
  }

  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    return ask<Ok>(
        home, [job, lease, now = home.wall_now()](SqliteStore& s) { return renew_claim(s, job, lease, now); },
        std::move(done));
  }

  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override {
    return std::make_shared<StoredBody>(thread_, home, job.body_size, [job](SqliteStore& s, uint64_t n, WallTime now) {
      return read_body(s, job, n, now);
    });
  }

  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    const auto shared = std::make_shared<const StoredResponse>(std::move(response));
    auto pending = std::make_shared<PendingCall<Ok>>(&home, std::move(done));
    auto call = succeed_call(pending, job, attempt, shared, home.wall_now());
    call->bytes = bytes_of_step(shared->body);
    return submit(std::move(call), std::move(pending));
  }

  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return fail(home, job, std::move(attempt), not_before, std::move(done), &retry_job);
  }

  OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return fail(home, job, std::move(attempt), not_before, std::move(done), &defer_job);
  }

  OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                           Callback<Ok> done) override {
    return ask<Ok>(
        home,
        [job, attempt = std::move(attempt), now = home.wall_now()](SqliteStore& s) {
          return dead_letter_job(s, job, attempt, now);
        },
        std::move(done));
  }

  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    return ask_for_work(
        home, [job, not_before](SqliteStore& s) { return release_job(s, job, not_before); }, std::move(done));
  }

  OperationPtr remove(net::Runtime& home, const ClaimedJob& job, Callback<Ok> done) override {
    return ask<Ok>(
        home, [job](SqliteStore& s) { return remove_job(s, job); }, std::move(done));
  }

  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override {
    return ask<JobRecord>(
        home, [id, now = home.wall_now()](SqliteStore& s) { return find_job(s, id, now); }, std::move(done));
  }

  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override {
    const auto open = [thread = thread_, &home, id, done = std::move(done)](Result<StoredResultHead> head) {
      if (!head) return done(head.error());
      const StoredBlob blob = head->body;
      done(ResultReader{
          head->status, std::move(head->fields),
          std::make_shared<StoredBody>(thread, home, blob.size, [id, blob](SqliteStore& s, uint64_t n, WallTime) {
            return read_result(s, id, blob, n);
          })});
    };
    return ask<StoredResultHead>(
        home, [id](SqliteStore& s) { return find_result(s, id); }, open);
  }

  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>(
        home, [id, now = home.wall_now()](SqliteStore& s) { return cancel_job(s, id, now); }, std::move(done));
  }

  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override {
    return ask_for_work(
        home, [id, force, now = home.wall_now()](SqliteStore& s) { return replay_job(s, id, force, now); },
        std::move(done));
  }

  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>(
        home, [id](SqliteStore& s) { return purge_job(s, id); }, std::move(done));
  }

  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override {
    return ask<JobPage>(
        home, [filter = std::move(filter)](SqliteStore& s) { return list_jobs(s, filter); }, std::move(done));
  }

  OperationPtr admit(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return ask<Ok>(
        home, [id](SqliteStore& s) { return admit_job(s, id); }, std::move(done));
  }

  OperationPtr claim_id(net::Runtime& home, const std::string& id, Duration lease, Callback<ClaimedJob> done) override {
    return ask<ClaimedJob>(
        home, [id, lease, now = home.wall_now()](SqliteStore& s) { return claim_job_by_id(s, id, lease, now); },
        std::move(done));
  }

  void tidy(net::Runtime& home) override {
    correct(thread_, [now = home.wall_now()](SqliteStore& s) -> Status {
      sweep(s, now);
      return Ok{};
    });
  }

  // The view, which says whether there is room, is to follow.
  void set_limits(const QueueLimits& limits) override {
    if (limits_.set(limits)) correct(thread_, [](SqliteStore&) -> Status { return Ok{}; });
  }

  NoteStore* note_store() override { return this; }

  QueueView view() const override { return thread_->view(); }
  void on_work(net::Runtime& home, std::function<void()> changed) override {
    thread_->on_work(home, std::move(changed));
  }
  void close(net::Runtime& home, std::function<void()> done) override { thread_->close(home, std::move(done)); }

 private:
  using Notes = std::map<std::string, std::string>;

  const Notes& notes() const override { return notes_; }
  void write_note(const std::string& name, const std::string& text, std::function<void()> written) override {
    correct(
        thread_, [name, text](SqliteStore& s) { return set_note(s, name, text); }, false, std::move(written));
  }

  OperationPtr submit(std::shared_ptr<SqliteCall> call, std::shared_ptr<StoreCall> pending) {
    thread_->submit(std::move(call));
    return std::make_unique<StoreCallHandle>(std::move(pending));
  }
  template <typename T>
  OperationPtr ask(net::Runtime& home, Work<T> work, Callback<T> done, bool makes_work = false) {
    auto pending = std::make_shared<PendingCall<T>>(&home, std::move(done));
    auto call = std::make_shared<TypedSqliteCall<T>>(pending, std::move(work));
    call->makes_work = makes_work;
    return submit(std::move(call), std::move(pending));
  }
  // A failed attempt ends in one of two ways: retry_job, defer_job.
  OperationPtr fail(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                    Callback<Ok> done, Status (*end)(SqliteStore&, const ClaimedJob&, const AttemptRecord&, WallTime)) {
    return ask<Ok>(
        home,
        [job, attempt = std::move(attempt), not_before, end](SqliteStore& s) {
          return end(s, job, attempt, not_before);
        },
        std::move(done));
  }
  OperationPtr ask_for_work(net::Runtime& home, Work<Ok> work, Callback<Ok> done) {
    return ask<Ok>(home, std::move(work), std::move(done), true);
  }

  SharedLimits limits_;
  const Notes notes_;
  std::shared_ptr<SqliteThread> thread_;
};

}  // namespace

Result<std::unique_ptr<SqliteSpool>> open_sqlite_queue(const SqliteOptions& options) {
  SqliteFindings findings;
  auto opened = open_store(options, true, findings);
  if (!opened) {
    // Two processes with one file are a mistake in how they were started: it is not waited for.
    if (opened.error().code == ErrorCode::conflict) return opened.error();
  }
  return std::unique_ptr<SqliteSpool>(std::make_unique<SqliteQueue>(options, std::move(opened), std::move(findings)));
}

}  // namespace tidegate::jobs
