#include "jobs/redis/thread.h"

namespace tidegate::jobs {

RedisThread::RedisThread(const RedisQueueOptions& options) : options_(options) {
  publish_unavailable("redis: not yet connected");
  start();
}

void RedisThread::run() {
  RedisStore::Events events;
  events.on_view = [this](QueueView view) {
    publish(std::move(view));
    note_first_word();
  };
  events.on_unavailable = [this](const std::string& reason) {
    publish_unavailable(reason);
    note_first_word();
  };
  events.on_work = [this] { announce_work(); };
  store_.emplace(runtime_, options_, std::move(events));
  runtime_.run();
  store_.reset();
}

void RedisThread::submit(std::shared_ptr<StoreCall> call, std::function<void(RedisStore&)> task) {
  std::string reason;
  {
    const std::lock_guard lock(mutex_);
    reason = refusal(under_way_, options_.pending_max);
    if (reason.empty()) {
      ++under_way_;
      return runtime_.post([this, task = std::move(task)] { task(*store_); });
    }
  }
  refuse(call, std::move(reason));
}

void RedisThread::finished(const std::shared_ptr<StoreCall>& call) {
  StoreCall::complete(call);
  {
    const std::lock_guard lock(mutex_);
    --under_way_;
  }
  maybe_end();
}

void RedisThread::correct(std::function<void(RedisStore&)> task) {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::ended) return;
  runtime_.post([this, task = std::move(task)] { task(*store_); });
}

void RedisThread::note_first_word() {
  const std::lock_guard lock(mutex_);
  has_first_word_ = true;
  first_word_.notify_all();
}

void RedisThread::wait_for_server(Duration at_most) {
  std::unique_lock lock(mutex_);
  first_word_.wait_for(lock, at_most, [this] { return has_first_word_; });
}

void RedisThread::on_closing() {
  runtime_.post([this] { maybe_end(); });
}

// Once nothing is under way. Corrections that completed calls have just caused are posted before this is, and go out
// first.
void RedisThread::maybe_end() {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::open || under_way_ > 0 || leaving_) return;
  }
  leaving_ = true;
  runtime_.post([this] { store_->leave([this] { runtime_.stop(); }); });
}

}  // namespace tidegate::jobs
