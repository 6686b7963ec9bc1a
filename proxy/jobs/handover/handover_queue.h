// A queue whose store another process takes over while requests here still use it.
//
//            hold                          give_away
//   local ──────────▶ held (calls wait) ─────────────▶ remote: the other process does the calls
//     ▲                 │
//     ├── take_back ────┤ refuse_calls
//     │   or reopen     ▼
//     └── reopen ──── remote, to nobody: calls fail
//
// local: the store of this process does the calls. held: each waits, for HeldCalls::kHeldMax at most, then it fails.
// remote: what a request in flight needs (append, find, result, cancel) is sent to the other process; all else is for
// who has the store, and unavailable. Job runs have ended before.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "jobs/handover/held_calls.h"
#include "jobs/handover/remote_calls.h"
#include "jobs/job_queue.h"

namespace tidegate::jobs {

class HandoverQueue final : public JobQueue, private NoteStore {
 public:
  // Opens the store again, with what it was opened with first. Blocks.
  using Open = std::function<Result<std::shared_ptr<JobQueue>>()>;

  // `name`: of the queue, for the other process.
  HandoverQueue(std::string name, std::shared_ptr<JobQueue> store, Open open);
  ~HandoverQueue() override;

  // REQUIRES that it is local. New calls wait; `idle` runs on `home` once those before have ended.
  void hold(net::Runtime& home, std::function<void()> idle);
  // REQUIRES hold(). Commits what the store has taken and closes it: its files are another process's to open then.
  void close_store(net::Runtime& home, std::function<void()> closed);
  // REQUIRES hold(), and that the store was not closed.
  void take_back() { use(store_); }
  // REQUIRES close_store(), or refuse_calls() after it. Opens the store and takes it back. Blocks. Errors: those of
  // Open; it can be tried again.
  Status reopen();
  // REQUIRES hold(). It is not known when the store comes back: calls fail until then, by way of `home`, and view()
  // says why.
  void refuse_calls(net::Runtime& home, const std::string& reason);
  // REQUIRES close_store().
  void give_away(std::shared_ptr<RemoteCalls> calls);

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override;
  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override;
  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override;
  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override;
  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override;
  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override;
  OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override;
  OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                           Callback<Ok> done) override;
  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override;
  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override;
  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override;
  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override;
  // While the store is not here: as it was last.
  QueueView view() const override;
  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override;
  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override;
  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override;
  void tidy(net::Runtime& home) override;
  void on_work(net::Runtime& home, std::function<void()> changed) override;
  void set_limits(const QueueLimits& limits) override;
  NoteStore* note_store() override;
  std::vector<TlsContextPtr> tls() const override;
  void close(net::Runtime& home, std::function<void()> done) override;

 private:
  enum class State : uint8_t { local, held, remote };
  struct InUse;
  class Reader;
  using Notes = std::map<std::string, std::string>;

  template <typename T, typename Local, typename Remote>
  OperationPtr ask(net::Runtime& home, Callback<T> done, Local local, Remote remote);
  template <typename T, typename Method, typename... Arguments>
  OperationPtr ask_owner(net::Runtime& home, std::function<void(Result<T>)> done, Method method,
                         Arguments... arguments);
  OperationPtr read_result(net::Runtime& home, const std::string& id, uint64_t offset, size_t count,
                           std::shared_ptr<net::BodyReader> reader, const JobQueue* reader_of,
                           Callback<std::string> done);

  void use(std::shared_ptr<JobQueue> store);
  const Notes& notes() const override { return notes_; }
  void write_note(const std::string& name, const std::string& text, std::function<void()> written) override;

  const std::string name_;
  const Open open_;
  const Notes notes_;  // of the first store, when it was opened
  HeldCalls held_;
  // Of all below. A call is passed on under the shared lock: who has the other knows that none is on its way.
  mutable std::shared_mutex mutex_;
  State state_ = State::local;
  std::shared_ptr<JobQueue> store_;
  std::shared_ptr<RemoteCalls> remote_;
  std::shared_ptr<InUse> in_use_;   // each call to the store holds it; local only
  QueueView last_view_;             // of the store before it was closed
  net::Runtime* worker_ = nullptr;  // of on_work
  std::function<void()> on_work_;
  Notes unwritten_;
  std::optional<QueueLimits> limits_;              // since they were set: also of a store that is opened again
  std::vector<std::shared_ptr<JobQueue>> closed_;  // stores of before: what they have given out may still refer to them
};

}  // namespace tidegate::jobs
