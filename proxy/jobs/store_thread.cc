#include "jobs/store_thread.h"

#include "base/assert.h"

namespace tidegate::jobs {

namespace {

constexpr const char* kClosing = "the queue is closing";

}  // namespace

StoreThread::~StoreThread() { TG_ASSERT(!thread_.joinable()); }

void StoreThread::start() {
  thread_ = std::thread([this] { live(); });
}

void StoreThread::live() {
  run();
  {
    const std::lock_guard lock(mutex_);
    phase_ = Phase::ended;
  }
  on_ended();
  const std::lock_guard lock(mutex_);
  for (auto& [home, done] : closers_) home->post(std::move(done));
  closers_.clear();
}

// REQUIRES the lock.
void StoreThread::begin_closing() {
  if (phase_ != Phase::open) return;
  phase_ = Phase::closing;
  on_closing();
}

void StoreThread::close(net::Runtime& home, std::function<void()> done) {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::ended) return home.post(std::move(done));
  closers_.emplace_back(&home, std::move(done));
  begin_closing();
}

void StoreThread::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    begin_closing();
  }
  thread_.join();
}

QueueView StoreThread::view() const {
  const std::lock_guard lock(mutex_);
  QueueView view = view_;
  if (phase_ != Phase::open) {
    view.available = false;
    view.why_unavailable = kClosing;
  }
  return view;
}

std::string StoreThread::unavailable_reason() const {
  const std::lock_guard lock(mutex_);
  if (phase_ != Phase::open) return kClosing;
  return view_.available ? "" : view_.why_unavailable;
}

std::string StoreThread::refusal(size_t pending, size_t pending_max) const {
  if (phase_ != Phase::open) return kClosing;
  return pending < pending_max ? "" : "overloaded: too many calls are waiting for the store";
}

void StoreThread::refuse(const std::shared_ptr<StoreCall>& call, std::string reason) {
  call->fail({ErrorCode::unavailable, std::move(reason)});
  StoreCall::complete(call);
}

void StoreThread::publish(QueueView view) {
  const std::lock_guard lock(mutex_);
  view_ = std::move(view);
}

void StoreThread::publish_unavailable(std::string reason) {
  const std::lock_guard lock(mutex_);
  view_.available = false;
  view_.full.clear();
  view_.why_unavailable = std::move(reason);
}

}  // namespace tidegate::jobs
