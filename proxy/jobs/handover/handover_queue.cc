#include "jobs/handover/handover_queue.h"

#include <mutex>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "jobs/handover/read_result.h"

namespace tidegate::jobs {

// Ends with the last call that was made before hold().
struct HandoverQueue::InUse {
  explicit InUse(std::shared_ptr<JobQueue> of) : store(std::move(of)) {}
  ~InUse() {
    if (idle) idle();
  }
  const std::shared_ptr<JobQueue> store;
  std::function<void()> idle;
};

// A result's body, which goes on where it was when the store moves.
class HandoverQueue::Reader final : public net::BodyReader {
 public:
  Reader(HandoverQueue& queue, net::Runtime& home, std::string id, std::shared_ptr<net::BodyReader> reader,
         std::shared_ptr<JobQueue> of)
      : queue_(queue), home_(home), id_(std::move(id)), reader_(std::move(reader)), of_(std::move(of)) {}

  uint64_t size() const override { return reader_->size(); }
  std::unique_ptr<net::Operation> read_at(uint64_t offset, size_t count,
                                          std::function<void(Result<std::string>)> done) override {
    return queue_.read_result(home_, id_, offset, count, reader_, of_.get(), std::move(done));
  }

 private:
  HandoverQueue& queue_;
  net::Runtime& home_;
  const std::string id_;
  const std::shared_ptr<net::BodyReader> reader_;
  const std::shared_ptr<JobQueue> of_;  // the store that it reads from
};

HandoverQueue::HandoverQueue(std::string name, std::shared_ptr<JobQueue> store, Open open)
    : name_(std::move(name)),
      open_(std::move(open)),
      notes_(store->note_store() ? store->note_store()->notes() : Notes()),
      store_(std::move(store)),
      in_use_(std::make_shared<InUse>(store_)) {}

HandoverQueue::~HandoverQueue() = default;

void HandoverQueue::hold(net::Runtime& home, std::function<void()> idle) {
  std::shared_ptr<InUse> last;
  const std::lock_guard lock(mutex_);
  TG_ASSERT(state_ == State::local);
  state_ = State::held;
  last_view_ = store_->view();
  in_use_->idle = [&home, idle = std::move(idle)] { home.post(idle); };
  last = std::move(in_use_);
}

void HandoverQueue::close_store(net::Runtime& home, std::function<void()> closed) {
  store_->close(home, std::move(closed));
}

Status HandoverQueue::reopen() {
  auto opened = open_();
  if (opened) use(std::move(*opened));
  return opened ? Status(Ok{}) : opened.error();
}

void HandoverQueue::use(std::shared_ptr<JobQueue> store) {
  {
    const std::lock_guard lock(mutex_);
    TG_ASSERT(state_ != State::local);
    remote_.reset();
    std::erase_if(closed_, [](const auto& closed) { return closed.use_count() == 1; });
    if (store != store_) closed_.push_back(std::exchange(store_, std::move(store)));
    state_ = State::local;
    in_use_ = std::make_shared<InUse>(store_);
    for (const auto& [note, text] : std::exchange(unwritten_, {})) store_->note_store()->write_note(note, text);
    if (worker_) store_->on_work(*worker_, on_work_);
    if (limits_) store_->set_limits(*limits_);
  }
  held_.release();
}

void HandoverQueue::refuse_calls(net::Runtime& home, const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    last_view_.available = false;
    last_view_.why_unavailable = reason;
  }
  const auto nobody = std::make_shared<RemoteCalls>(home, [](const net::Message&) {});
  nobody->end(reason);
  give_away(nobody);
}

void HandoverQueue::give_away(std::shared_ptr<RemoteCalls> calls) {
  {
    const std::lock_guard lock(mutex_);
    TG_ASSERT(state_ == State::held);
    state_ = State::remote;
    remote_ = std::move(calls);
  }
  held_.release();
}

namespace {

template <typename T>
OperationPtr refuse(net::Runtime& home, Callback<T> done, const char* reason) {
  auto pending = std::make_shared<PendingCall<T>>(&home, std::move(done));
  pending->fail({ErrorCode::unavailable, reason});
  StoreCall::complete(pending);
  return std::make_unique<StoreCallHandle>(std::move(pending));
}

}  // namespace

// `local`, `remote`: the call to a store, to the other process.
template <typename T, typename Local, typename Remote>
OperationPtr HandoverQueue::ask(net::Runtime& home, Callback<T> done, Local local, Remote remote) {
  {
    const std::shared_lock lock(mutex_);
    if (state_ == State::local) {
      return local(*store_, Callback<T>([done = std::move(done), in_use = in_use_](Result<T> result) {
        done(std::move(result));
      }));
    }
    if (state_ == State::remote) return remote(*remote_, std::move(done));
  }
  OperationPtr held = held_.hold(
      home, [this, &home, done, local, remote] { return ask<T>(home, done, local, remote); },
      [&home, done] { return refuse<T>(home, done, "another process is taking the queue over"); });
  const std::shared_lock lock(mutex_);
  if (state_ != State::held) held_.release();  // just now
  return held;
}

// A call that only who has the store makes: `method` with `arguments`, which are copied once.
template <typename T, typename Method, typename... Arguments>
OperationPtr HandoverQueue::ask_owner(net::Runtime& home, std::function<void(Result<T>)> done, Method method,
                                      Arguments... arguments) {
  auto kept = std::make_shared<std::tuple<Arguments...>>(std::move(arguments)...);
  const auto local = [&home, method, kept](JobQueue& store, Callback<T> next) {
    return std::apply([&](auto&... each) { return (store.*method)(home, std::move(each)..., std::move(next)); }, *kept);
  };
  return ask<T>(home, std::move(done), local, [&home](RemoteCalls&, Callback<T> next) {
    return refuse<T>(home, std::move(next), "another process has taken the queue over");
  });
}

OperationPtr HandoverQueue::append(net::Runtime& home, JobDraft draft, Callback<Appended> done) {
  const auto kept = std::make_shared<JobDraft>(std::move(draft));
  return ask<Appended>(
      home, std::move(done),
      [&home, kept](JobQueue& store, auto next) { return store.append(home, std::move(*kept), std::move(next)); },
      [this, &home, kept](RemoteCalls& calls, auto next) {
        return calls.append(home, name_, std::move(*kept), std::move(next));
      });
}

OperationPtr HandoverQueue::find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) {
  return ask<JobRecord>(
      home, std::move(done), [&home, id](JobQueue& store, auto next) { return store.find(home, id, std::move(next)); },
      [this, &home, id](RemoteCalls& calls, auto next) { return calls.find(home, name_, id, std::move(next)); });
}

OperationPtr HandoverQueue::cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) {
  return ask<Ok>(
      home, std::move(done),
      [&home, id](JobQueue& store, auto next) { return store.cancel(home, id, std::move(next)); },
      [this, &home, id](RemoteCalls& calls, auto next) { return calls.cancel(home, name_, id, std::move(next)); });
}

OperationPtr HandoverQueue::result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) {
  return ask<ResultReader>(
      home, std::move(done),
      [this, &home, id](JobQueue& store, Callback<ResultReader> next) {
        return store.result(home, id,
                            [this, &home, id, of = store_, next = std::move(next)](Result<ResultReader> found) {
                              if (found)
                                found->body = std::make_shared<Reader>(*this, home, id, std::move(found->body), of);
                              next(std::move(found));
                            });
      },
      [this, &home, id](RemoteCalls& calls, auto next) { return calls.result(home, name_, id, std::move(next)); });
}

OperationPtr HandoverQueue::read_result(net::Runtime& home, const std::string& id, uint64_t offset, size_t count,
                                        std::shared_ptr<net::BodyReader> reader, const JobQueue* reader_of,
                                        Callback<std::string> done) {
  const auto local = [&home, id, offset, count, reader, reader_of](JobQueue& store,
                                                                   Callback<std::string> next) -> OperationPtr {
    if (&store == reader_of) return reader->read_at(offset, count, std::move(next));
    return jobs::read_result(store, home, id, offset, count, std::move(next));
  };
  return ask<std::string>(home, std::move(done), local,
                          [this, &home, id, offset, count](RemoteCalls& calls, auto next) {
                            return calls.read(home, name_, id, offset, count, std::move(next));
                          });
}

OperationPtr HandoverQueue::claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) {
  return ask_owner(home, std::move(done), &JobQueue::claim, lease);
}

std::shared_ptr<net::BodyReader> HandoverQueue::open_body(net::Runtime& home, const ClaimedJob& job) {
  const std::shared_lock lock(mutex_);
  return store_->open_body(home, job);
}

OperationPtr HandoverQueue::renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::renew, job, lease);
}

OperationPtr HandoverQueue::succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                                    StoredResponse response, Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::succeed, job, std::move(attempt), std::move(response));
}

OperationPtr HandoverQueue::retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                                  Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::retry, job, std::move(attempt), not_before);
}

OperationPtr HandoverQueue::defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                                  Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::defer, job, std::move(attempt), not_before);
}

OperationPtr HandoverQueue::dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                                        Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::dead_letter, job, std::move(attempt));
}

OperationPtr HandoverQueue::release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::release, job, not_before);
}

OperationPtr HandoverQueue::list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) {
  return ask_owner(home, std::move(done), &JobQueue::list, std::move(filter));
}

OperationPtr HandoverQueue::replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::replay, id, force);
}

OperationPtr HandoverQueue::purge(net::Runtime& home, const std::string& id, Callback<Ok> done) {
  return ask_owner(home, std::move(done), &JobQueue::purge, id);
}

QueueView HandoverQueue::view() const {
  const std::shared_lock lock(mutex_);
  return state_ == State::local ? store_->view() : last_view_;
}

void HandoverQueue::tidy(net::Runtime& home) {
  const std::shared_lock lock(mutex_);
  if (state_ == State::local) store_->tidy(home);
}

void HandoverQueue::on_work(net::Runtime& home, std::function<void()> changed) {
  const std::lock_guard lock(mutex_);
  worker_ = &home;
  on_work_ = changed;
  store_->on_work(home, std::move(changed));
}

void HandoverQueue::set_limits(const QueueLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
  store_->set_limits(limits);
}

NoteStore* HandoverQueue::note_store() { return store_->note_store() ? this : nullptr; }

std::vector<TlsContextPtr> HandoverQueue::tls() const {
  const std::shared_lock lock(mutex_);
  return store_->tls();
}

// While the store is not here, it is kept for the time when it is; who waits for it does so in vain.
void HandoverQueue::write_note(const std::string& name, const std::string& text, std::function<void()> written) {
  const std::lock_guard lock(mutex_);
  if (state_ == State::local) store_->note_store()->write_note(name, text, std::move(written));
  else unwritten_[name] = text;
}

void HandoverQueue::close(net::Runtime& home, std::function<void()> done) {
  const std::shared_lock lock(mutex_);
  if (state_ == State::local) return store_->close(home, std::move(done));
  home.post(std::move(done));
}

}  // namespace tidegate::jobs
