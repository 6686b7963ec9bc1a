#include "jobs/rabbit/thread.h"

#include <algorithm>

#include "base/log.h"
#include "jobs/rabbit/topology.h"
#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kWaitMax = 100ms;  // heartbeats are served at least so often
constexpr Duration kRetryFirst = 100ms, kRetryMax = 2s;
constexpr Duration kUnwanted = 5s;  // nobody has claimed for so long: what is ready is for others
constexpr int kFramesMax = 1000;    // taken before tasks have their turn

}  // namespace

RabbitThread::RabbitThread(RabbitThreadOptions options, RabbitShelf& shelf)
    : options_(std::move(options)), work_(work_queue(options_.name)), dead_(dead_queue(options_.name)), shelf_(shelf) {
  wanted_at_ = net::read_monotonic_clock().time_since_epoch().count();
  thread_ = std::thread([this] { run(); });
}

RabbitThread::~RabbitThread() {
  {
    const std::lock_guard lock(mutex_);
    if (!closing_) close_by_ = net::read_monotonic_clock() + options_.answer_max;
    closing_ = true;
  }
  doorbell_.ring();
  thread_.join();
}

std::string RabbitThread::why_away() const {
  const std::lock_guard lock(mutex_);
  return closing_ ? "the queue is closing" : why_away_;
}

bool RabbitThread::closing() const {
  const std::lock_guard lock(mutex_);
  return closing_;
}

void RabbitThread::set_away(std::string why) {
  const std::lock_guard lock(mutex_);
  why_away_ = std::move(why);
}

void RabbitThread::close(net::Runtime& home, std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return home.post(std::move(done));
    if (!closing_) close_by_ = net::read_monotonic_clock() + options_.answer_max;
    closing_ = true;
    closers_.emplace_back(&home, std::move(done));
  }
  doorbell_.ring();
}

// Those of them that nobody may lose: they are as many as the prefetch and the operators' calls, no more.
bool RabbitThread::submit(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    tasks_.push_back(std::move(task));
  }
  doorbell_.ring();
  return true;
}

void RabbitThread::want_deliveries() {
  wanted_at_ = net::read_monotonic_clock().time_since_epoch().count();
  doorbell_.ring();
}

void RabbitThread::run() {
  for (;;) {
    if (!here() && !try_connect()) {
      if (closing()) break;
      run_tasks();
      const Duration left = retry_at_ - net::read_monotonic_clock();
      doorbell_.wait(-1, std::clamp(left, Duration(1ms), kWaitMax));
      continue;
    }
    work_on();
    if (closing() && here()) {
      const std::lock_guard lock(mutex_);
      const bool idle = tasks_.empty() && unconfirmed_.empty();
      if (idle || net::read_monotonic_clock() >= close_by_) break;
    }
  }
  finish();
}

bool RabbitThread::try_connect() {
  const Time now = net::read_monotonic_clock();
  if (closing() || now < retry_at_) return false;
  auto connection = std::make_unique<RabbitConnection>(*this);
  const Status opened = connection->open(options_.url, options_.answer_max + options_.answer_max / 2);
  if (opened) {
    declare_queues(*connection);
    shelf_.begin_connection();
    connection->consume(work_, options_.prefetch);
  }
  if (!opened || connection->lost()) {
    const std::string why =
        opened ? "rabbitmq " + options_.url.shown() + ": " + *connection->lost() : opened.error().message;
    if (retry_wait_ == Duration(0)) log_warn("broker_unavailable", {{"queue", options_.name}, {"error", why}});
    retry_wait_ = std::clamp(retry_wait_ * 2, kRetryFirst, kRetryMax);
    retry_at_ = net::read_monotonic_clock() + retry_wait_;
    set_away(why);
    return false;
  }
  connection_ = std::move(connection);
  consuming_ = true;
  retry_wait_ = Duration(0);
  set_away(settled_at_ ? "rabbitmq: its queues have just been made" : "");
  log_info("broker_connected", {{"queue", options_.name}, {"broker", options_.url.shown()}});
  return true;
}

void RabbitThread::declare_queues(RabbitConnection& connection) {
  settled_at_.reset();
  for (const std::string& queue : {work_, dead_}) {
    const bool made = !connection.exists(queue);
    connection.declare(queue, 0, "");
    if (made && options_.settle > Duration(0)) settled_at_ = net::read_monotonic_clock() + options_.settle;
  }
}

// One round: what was asked, what has arrived, what takes too long; then a wait for either.
void RabbitThread::work_on() {
  if (settled_at_ && !blocked_ && net::read_monotonic_clock() >= *settled_at_) {
    settled_at_.reset();
    set_away("");
  }
  run_tasks();
  share_deliveries();
  begin_seek();
  int frames = 0;
  while (frames < kFramesMax && connection_->next()) ++frames;
  if (connection_->lost()) return lose(*connection_->lost());
  if (queue_missing_) return lose("a queue is missing");
  if (confirms_are_late()) return lose("no confirm in time");
  if (frames == 0) doorbell_.wait(connection_->socket(), kWaitMax);
}

void RabbitThread::run_tasks() {
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) task();
}

// Where nobody claims, others may: what is ready goes back, and no more is asked for until somebody claims again.
void RabbitThread::share_deliveries() {
  if (!here() || blocked_) return;
  const Time wanted_at{Duration(wanted_at_.load())};
  const bool wanted = net::read_monotonic_clock() - wanted_at < kUnwanted;
  if (wanted && !consuming_) {
    connection_->consume(work_, options_.prefetch);
    consuming_ = true;
  } else if (!wanted && shelf_.has_ready()) {
    if (consuming_) connection_->stop_consuming();
    consuming_ = false;
    for (const auto& delivery : shelf_.clear_ready()) {
      if (delivery->connection == shelf_.connection()) connection_->give_back(delivery->arrival.tag);
    }
  }
}

void RabbitThread::lose(std::string why) {
  if (!closing()) log_warn("broker_lost", {{"queue", options_.name}, {"error", why}});
  set_away("rabbitmq " + options_.url.shown() + ": " + why);
  connection_.reset();
  shelf_.begin_connection();
  rungs_.clear();
  blocked_ = consuming_ = queue_missing_ = seeking_ = false;
  retry_at_ = net::read_monotonic_clock() + kRetryFirst;
  for (auto& [number, what] : std::exchange(unconfirmed_, {})) settle(what, false, why);
  for (const Seek& seek : std::exchange(seeks_, {})) {
    seek.answer->fail({ErrorCode::unavailable, why});
    StoreCall::answer(seek.answer);
  }
}

void RabbitThread::finish() {
  run_tasks();
  if (connection_) {
    connection_->close();
    lose("closed");
  }
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  run_tasks();  // what came meanwhile is refused
  const std::lock_guard lock(mutex_);
  for (auto& [home, done] : closers_) home->post(std::move(done));
  closers_.clear();
}

}  // namespace tidegate::jobs
