#include "cli/worker_thread.h"

#include <algorithm>

namespace tidegate::cli {

namespace {

constexpr Duration kLagInterval = 500ms;

}  // namespace

WorkerThread::WorkerThread(core::Gateway& gateway, net::ListeningSockets& sockets, int index)
    : gateway_(gateway), index_(index) {
  runtime_.use_sockets(sockets);
  std::promise<Status> listening;
  listening_ = listening.get_future();
  thread_ = std::thread([this, promise = std::move(listening)]() mutable { run(std::move(promise)); });
}

WorkerThread::~WorkerThread() { TG_ASSERT(!thread_.joinable()); }

Status WorkerThread::started() { return listening_.get(); }

void WorkerThread::run(std::promise<Status> listening) {
  worker_ = std::make_unique<core::Worker>(runtime_, gateway_);
  listeners_ = std::make_unique<core::Listeners>(*worker_);
  if (index_ == 0) replaying_ = std::make_unique<core::Replaying>(*worker_);
  lag_timer_ = std::make_unique<net::Timer>(runtime_, [this] { measure_lag(); });
  lag_expected_ = runtime_.now() + kLagInterval;
  lag_timer_->start_at(lag_expected_);
  listening.set_value(listeners_->listen());
  runtime_.run();
  lag_timer_.reset();
  replaying_.reset();
  listeners_.reset();
  worker_.reset();
}

void WorkerThread::measure_lag() {
  const Time now = runtime_.now();
  gateway_.metrics().set_loop_lag(index_, std::max(0.0, to_seconds(now - lag_expected_)));
  lag_expected_ = now + kLagInterval;
  lag_timer_->start_at(lag_expected_);
}

void WorkerThread::prepare(std::shared_ptr<const core::RouteTable> table, net::Runtime& home,
                           std::function<void(Status)> done) {
  runtime_.post([this, table = std::move(table), &home, done = std::move(done)] {
    home.post([done, status = listeners_->prepare(table)] { done(status); });
  });
}

void WorkerThread::commit(net::Runtime& home, std::function<void()> done) {
  runtime_.post([this, &home, done = std::move(done)] {
    listeners_->commit();
    if (replaying_) replaying_->use_table_in_force();
    // In the next iteration this loop has let go of the table before, and is not the one that frees it.
    runtime_.post([&home, done] { home.post(done); });
  });
}

void WorkerThread::roll_back(net::Runtime& home, std::function<void()> done) {
  runtime_.post([this, &home, done = std::move(done)] {
    listeners_->roll_back();
    home.post(done);
  });
}

void WorkerThread::forget_queue(const std::string& queue, net::Runtime& home, std::function<void()> done) {
  runtime_.post([this, queue, &home, done = std::move(done)] {
    if (replaying_) replaying_->forget(queue);
    home.post(done);
  });
}

void WorkerThread::start_replaying() {
  runtime_.post([this] { replaying_->start(); });
}

void WorkerThread::drain_jobs(net::Runtime& home, std::function<void()> done) {
  runtime_.post([this, &home, done = std::move(done)] { replaying_->drain([&home, done] { home.post(done); }); });
}

void WorkerThread::cut_off_jobs() {
  runtime_.post([this] { replaying_->cut_off(); });
}

void WorkerThread::resume_jobs() {
  runtime_.post([this] { replaying_->resume(); });
}

void WorkerThread::begin_lame_duck() {
  runtime_.post([this] { listeners_->begin_lame_duck(); });
}

void WorkerThread::drain(net::Runtime& home, std::function<void()> done) {
  runtime_.post([this, &home, done = std::move(done)] {
    const auto left = std::make_shared<int>(replaying_ ? 2 : 1);
    const auto one_done = [&home, done, left] {
      if (--*left == 0) home.post(done);
    };
    if (replaying_) replaying_->drain(one_done);  // no more jobs are claimed from now on
    listeners_->drain(one_done);
  });
}

void WorkerThread::cut_off() {
  runtime_.post([this] {
    if (replaying_) replaying_->cut_off();
    listeners_->cut_off();
  });
}

void WorkerThread::stop() {
  runtime_.post([this] { runtime_.stop(); });
  thread_.join();
}

}  // namespace tidegate::cli
