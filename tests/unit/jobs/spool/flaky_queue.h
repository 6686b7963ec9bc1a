// A queue in front of another one, which can be made to behave as a server that is unavailable, stalled or cut off in
// the middle of a reply.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

class FlakyQueue final : public JobQueue {
 public:
  enum class Mood {
    healthy,
    unavailable,    // every call is answered unavailable, and the view says so
    stalled,        // no append is answered, or done, until it is healthy again, nor is it closed
    reply_lost,     // appends are done, and answered unavailable
    key_taken,      // appends with a key are answered conflict, although no job is found
    refuses_large,  // appends of large bodies fail, as if the server were unavailable
    cut_off,        // appends are in flight until it is healthy again, and fail then; meanwhile they can be cancelled
  };

  explicit FlakyQueue(std::unique_ptr<JobQueue> real) : real_(std::move(real)) {}

  void set(Mood mood) {
    mood_ = mood;
    if (mood != Mood::healthy) return;
    for (auto& call : std::exchange(held_, {})) call();
  }
  JobQueue& real() { return *real_; }

  OperationPtr append(net::Runtime& home, JobDraft draft, Callback<Appended> done) override {
    if (mood_ == Mood::unavailable) return refuse(home, std::move(done));
    if (mood_ == Mood::reply_lost) {
      return real_->append(home, std::move(draft), [done = std::move(done)](const Result<Appended>&) {
        done(Error{ErrorCode::unavailable, "the connection broke"});
      });
    }
    if (mood_ == Mood::key_taken && !draft.dedupe_key.empty()) {
      return refuse(home, std::move(done), {ErrorCode::conflict, "its key has made another job meanwhile"});
    }
    if (mood_ == Mood::cut_off) {
      auto handle = std::make_unique<Held>();
      held_.push_back([link = handle->link, done = std::move(done)] {
        if (*link) done(Error{ErrorCode::not_found, "its record has gone"});
      });
      *handle->link = handle.get();
      return handle;
    }
    if (mood_ == Mood::refuses_large && draft.body.size() > 1000) return refuse(home, std::move(done));
    if (mood_ == Mood::healthy || mood_ == Mood::key_taken || mood_ == Mood::refuses_large)
      return real_->append(home, std::move(draft), std::move(done));
    auto handle = std::make_unique<Held>();
    held_.push_back([this, &home, draft = std::move(draft), done = std::move(done), link = handle->link]() mutable {
      if (*link) (*link)->now = real_->append(home, std::move(draft), std::move(done));
    });
    *handle->link = handle.get();
    return handle;
  }
  OperationPtr claim(net::Runtime& home, Duration lease, Callback<std::optional<ClaimedJob>> done) override {
    if (mood_ == Mood::unavailable) return refuse(home, std::move(done));
    return real_->claim(home, lease, std::move(done));
  }
  OperationPtr renew(net::Runtime& home, const ClaimedJob& job, Duration lease, Callback<Ok> done) override {
    return real_->renew(home, job, lease, std::move(done));
  }
  std::shared_ptr<net::BodyReader> open_body(net::Runtime& home, const ClaimedJob& job) override {
    return real_->open_body(home, job);
  }
  OperationPtr succeed(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, StoredResponse response,
                       Callback<Ok> done) override {
    return real_->succeed(home, job, std::move(attempt), std::move(response), std::move(done));
  }
  OperationPtr retry(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return real_->retry(home, job, std::move(attempt), not_before, std::move(done));
  }
  OperationPtr defer(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt, WallTime not_before,
                     Callback<Ok> done) override {
    return real_->defer(home, job, std::move(attempt), not_before, std::move(done));
  }
  OperationPtr dead_letter(net::Runtime& home, const ClaimedJob& job, AttemptRecord attempt,
                           Callback<Ok> done) override {
    return real_->dead_letter(home, job, std::move(attempt), std::move(done));
  }
  OperationPtr release(net::Runtime& home, const ClaimedJob& job, WallTime not_before, Callback<Ok> done) override {
    return real_->release(home, job, not_before, std::move(done));
  }
  OperationPtr find(net::Runtime& home, const std::string& id, Callback<JobRecord> done) override {
    if (mood_ == Mood::unavailable) return refuse(home, std::move(done));
    return real_->find(home, id, std::move(done));
  }
  OperationPtr result(net::Runtime& home, const std::string& id, Callback<ResultReader> done) override {
    return real_->result(home, id, std::move(done));
  }
  OperationPtr cancel(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    if (mood_ == Mood::unavailable) return refuse(home, std::move(done));
    if (mood_ == Mood::cut_off) return answer<Ok>(home, std::move(done), Ok{});
    return real_->cancel(home, id, std::move(done));
  }
  OperationPtr replay(net::Runtime& home, const std::string& id, bool force, Callback<Ok> done) override {
    return real_->replay(home, id, force, std::move(done));
  }
  OperationPtr purge(net::Runtime& home, const std::string& id, Callback<Ok> done) override {
    return real_->purge(home, id, std::move(done));
  }
  OperationPtr list(net::Runtime& home, JobFilter filter, Callback<JobPage> done) override {
    return real_->list(home, std::move(filter), std::move(done));
  }
  void tidy(net::Runtime& home) override { real_->tidy(home); }
  void set_limits(const QueueLimits& limits) override { real_->set_limits(limits); }
  QueueView view() const override {
    QueueView view = real_->view();
    if (mood_ == Mood::unavailable) view.available = false, view.why_unavailable = "connection refused";
    return view;
  }
  void on_work(net::Runtime& home, std::function<void()> changed) override { real_->on_work(home, std::move(changed)); }
  void close(net::Runtime& home, std::function<void()> done) override {
    auto call = [this, &home, done = std::move(done)] { real_->close(home, done); };
    if (mood_ == Mood::stalled) held_.push_back(std::move(call));
    else call();
  }

 private:
  struct Held final : net::Operation {
    ~Held() override { *link = nullptr; }
    std::shared_ptr<Held*> link = std::make_shared<Held*>(nullptr);
    OperationPtr now;
  };

  // Answered later, as every call is.
  template <typename T>
  OperationPtr answer(net::Runtime& home, Callback<T> done, Result<T> what) {
    auto handle = std::make_unique<Held>();
    *handle->link = handle.get();
    home.post([link = handle->link, done = std::move(done), what = std::move(what)] {
      if (*link) done(what);
    });
    return handle;
  }
  template <typename T>
  OperationPtr refuse(net::Runtime& home, Callback<T> done,
                      Error why = {ErrorCode::unavailable, "connection refused"}) {
    return answer<T>(home, std::move(done), std::move(why));
  }

  std::unique_ptr<JobQueue> real_;
  Mood mood_ = Mood::healthy;
  std::vector<std::function<void()>> held_;
};

}  // namespace tidegate::jobs
