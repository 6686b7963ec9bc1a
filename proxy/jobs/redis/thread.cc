#include "jobs/redis/thread.h"

namespace tidegate::jobs {

RedisThread::RedisThread(const RedisQueueOptions& options) : options_(options) {
  view_.available = false;
  view_.why_unavailable = "redis: not yet connected";
  thread_ = std::thread([this] { run(); });
}

void RedisThread::run() {
  store_.emplace(
      runtime_, options_,
      RedisStore::Events{[this](QueueView view) { set_view(std::move(view)); },
                         [this](const std::string& why) { set_unavailable(why); }, [this] { listener_->tell(); }});
  runtime_.run();
  store_.reset();
  const std::lock_guard lock(mutex_);
  ended_ = true;
  for (auto& [home, done] : closers_) home->post(std::move(done));
  closers_.clear();
}

void RedisThread::submit(std::shared_ptr<StoreCall> call, std::function<void(RedisStore&)> task) {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ && under_way_ < options_.pending_max) {
      ++under_way_;
      runtime_.post([this, task = std::move(task)] { task(*store_); });
      return;
    }
    call->fail(
        {ErrorCode::unavailable, closing_ ? "the store is closing" : "the store is behind: too many calls wait"});
  }
  StoreCall::answer(call);
}

void RedisThread::finished(const std::shared_ptr<StoreCall>& call) {
  StoreCall::answer(call);
  {
    const std::lock_guard lock(mutex_);
    --under_way_;
  }
  maybe_end();
}

void RedisThread::correct(std::function<void(RedisStore&)> task) {
  runtime_.post([this, task = std::move(task)] { task(*store_); });
}

void RedisThread::set_view(QueueView view) {
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
  heard_once_ = true;
  heard_.notify_all();
}

void RedisThread::set_unavailable(const std::string& why) {
  const std::lock_guard lock(mutex_);
  view_.available = false;
  view_.why_unavailable = why;
  heard_once_ = true;
  heard_.notify_all();
}

void RedisThread::wait_for_server(Duration at_most) {
  std::unique_lock lock(mutex_);
  heard_.wait_for(lock, at_most, [this] { return heard_once_; });
}

QueueView RedisThread::view() const {
  const std::lock_guard lock(mutex_);
  QueueView view = view_;
  if (closing_) view.available = false, view.why_unavailable = "the store is closing";
  return view;
}

void RedisThread::close(net::Runtime& home, std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  if (ended_) return home.post(std::move(done));
  closers_.emplace_back(&home, std::move(done));
  begin_closing();
}

// REQUIRES the lock.
void RedisThread::begin_closing() {
  if (std::exchange(closing_, true)) return;
  runtime_.post([this] { maybe_end(); });
}

// Once nothing is under way. Corrections that answers have just caused are posted before this is, and go out first.
void RedisThread::maybe_end() {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_ || under_way_ > 0 || leaving_) return;
  }
  leaving_ = true;
  runtime_.post([this] { store_->leave([this] { runtime_.stop(); }); });
}

void RedisThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    begin_closing();
  }
  thread_.join();
}

}  // namespace tidegate::jobs
