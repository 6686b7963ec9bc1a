#include "jobs/rabbit/broker/broker_loop.h"

#include <algorithm>

#include "base/log.h"
#include "jobs/rabbit/broker/topology.h"
#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kWaitMax = 100ms;  // heartbeats are sent at least so often
constexpr int kFramesMax = 1000;      // read before tasks run again

PublisherOptions publisher_options(const BrokerOptions& options) {
  return {.name = options.name,
          .confirm_max = options.reply_timeout,
          .limits = options.limits,
          .on_confirm = options.on_confirm};
}

}  // namespace

BrokerLoop::BrokerLoop(BrokerOptions options, UnackedDeliveries& deliveries)
    : options_(std::move(options)),
      deliveries_(deliveries),
      tiers_(session_, options_.name, options_.settle),
      publisher_(publisher_options(options_), session_, tiers_, deliveries_),
      consumer_(options_.name, options_.prefetch, session_, tiers_, publisher_, deliveries_),
      dead_letters_(options_.name, session_, publisher_, deliveries_) {
  publish_state();
  start();
}

bool BrokerLoop::is_closing() const {
  const std::lock_guard lock(mutex_);
  return phase_ != Phase::open;
}

void BrokerLoop::publish_state() {
  const std::string& reason = session_.state.unavailable_reason();
  reason.empty() ? StoreThread::publish({}) : publish_unavailable(reason);
}

void BrokerLoop::on_closing() {
  close_by_ = net::read_monotonic_clock() + options_.reply_timeout;
  doorbell_.ring();
}

// Unbounded, because none of them may be dropped; at most as many as publishes, the prefetch and operators' calls.
bool BrokerLoop::submit(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == Phase::ended) return false;
    tasks_.push_back(std::move(task));
  }
  doorbell_.ring();
  return true;
}

void BrokerLoop::publish(RabbitMessage message, Duration wait, std::shared_ptr<PendingCall<Ok>> call) {
  if (std::string reason = unavailable_reason(); !reason.empty()) return refuse(call, std::move(reason));
  if (!publisher_.reserve()) return refuse(call, "too many publishes are pending");
  const auto shared = std::make_shared<RabbitMessage>(std::move(message));
  if (!submit([this, shared, wait, call] { publisher_.publish(*shared, wait, call); })) {
    refuse(call, "the queue is closing");
  }
}

void BrokerLoop::ack(DeliveryPtr delivery) {
  submit([this, delivery = std::move(delivery)] { consumer_.ack(delivery); });
}

void BrokerLoop::delay(DeliveryPtr delivery, WallTime until) {
  submit([this, delivery = std::move(delivery), until] { consumer_.delay(delivery, until); });
}

void BrokerLoop::dead_letter(DeliveryPtr delivery, std::string reason, std::string history) {
  submit([this, delivery = std::move(delivery), reason = std::move(reason), history = std::move(history)] {
    consumer_.dead_letter(delivery, reason, history);
  });
}

void BrokerLoop::find_dead_letter(const std::string& id, std::shared_ptr<PendingCall<DeadLetter>> call) {
  if (!submit([this, id, call] { dead_letters_.find(id, call); })) refuse(call, "the queue is closing");
}

void BrokerLoop::settle_dead_letter(const DeadLetter& letter, bool remove) {
  submit([this, tag = letter.tag, connection = letter.connection, remove] {
    dead_letters_.settle(tag, connection, remove);
  });
}

void BrokerLoop::on_claim() {
  consumer_.on_claim();
  doorbell_.ring();
}

void BrokerLoop::run() {
  while (!is_done()) session_.is_open() ? serve() : reconnect();
  finish();
}

// Closing waits for what was taken, where the broker is there to confirm it.
bool BrokerLoop::is_done() const {
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::open) return false;
  const bool idle = tasks_.empty() && publisher_.is_idle();
  return !session_.is_open() || idle || net::read_monotonic_clock() >= close_by_;
}

void BrokerLoop::reconnect() {
  const Time now = net::read_monotonic_clock();
  session_.state.on_time(now);
  if (session_.state.phase() == BrokerState::Phase::connecting) return connect();
  run_tasks();  // without a connection they fail
  doorbell_.wait(-1, std::clamp<Duration>(session_.state.retry_at() - now, 1ms, kWaitMax));
}

void BrokerLoop::connect() {
  RabbitEvents& events = *this;
  auto connection = std::make_unique<RabbitConnection>(events);
  const Status opened =
      connection->open(options_.url, options_.tls, options_.reply_timeout + options_.reply_timeout / 2);
  if (!opened) return lose(opened.error().message);
  session_.connection = std::move(connection);
  const bool all_existed = declare_queues();
  deliveries_.begin_connection();
  consumer_.start();
  if (!session_.is_open()) return lose("rabbitmq " + options_.url.shown() + ": " + *session_.connection->lost());
  const bool recovered = session_.state.failures() > 0;
  session_.state.on_connected(net::read_monotonic_clock(), all_existed ? Duration(0) : options_.settle);
  publish_state();
  const std::string broker = options_.url.shown();
  if (recovered) log_info("rabbitmq_recovered", {{"queue", options_.name}, {"broker", broker}});
  else log_info("rabbitmq_connected", {{"queue", options_.name}, {"broker", broker}});
}

bool BrokerLoop::declare_queues() {
  bool all_existed = true;
  for (const std::string& queue : {work_queue(options_.name), dead_queue(options_.name)}) {
    all_existed = session_.connection->exists(queue) && all_existed;
    session_.connection->declare(queue);
  }
  return all_existed;
}

// One iteration: what was submitted, what has arrived, what takes too long; then a wait for either.
void BrokerLoop::serve() {
  if (session_.state.on_time(net::read_monotonic_clock())) publish_state();
  run_tasks();
  consumer_.update();
  dead_letters_.update();
  int frames = 0;
  while (frames < kFramesMax && session_.connection->read_frame()) ++frames;
  std::string failure = session_.connection->lost().value_or("");
  if (failure.empty()) failure = publisher_.failure();
  if (!failure.empty()) return lose("rabbitmq " + options_.url.shown() + ": " + failure);
  if (frames == 0) doorbell_.wait(session_.connection->socket(), kWaitMax);
}

void BrokerLoop::run_tasks() {
  std::deque<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const Task& task : tasks) task();
}

// There is no connection any more: the broker delivers again what it had delivered, and confirms nothing.
void BrokerLoop::lose(std::string reason) {
  session_.state.on_failed(net::read_monotonic_clock(), reason);
  if (session_.state.failures() == 1 && !is_closing()) {
    log_warn("rabbitmq_unavailable", {{"queue", options_.name}, {"reason", reason}});
  }
  publish_state();
  session_.connection.reset();
  deliveries_.begin_connection();
  tiers_.on_lost();
  consumer_.on_lost();
  publisher_.on_lost(reason);
  dead_letters_.on_lost(reason);
}

void BrokerLoop::finish() {
  run_tasks();
  if (session_.connection) {
    session_.connection->close();
    lose("closed");
  }
  session_.state.on_closed();
}

void BrokerLoop::on_delivery(ReceivedMessage received) { consumer_.on_delivery(std::move(received)); }

void BrokerLoop::on_dead_letter(std::optional<ReceivedMessage> received) {
  dead_letters_.on_dead_letter(std::move(received));
}

void BrokerLoop::on_confirm(uint64_t number, bool multiple, bool accepted) {
  publisher_.on_confirm(number, multiple, accepted);
}

void BrokerLoop::on_returned(const std::string& queue, const std::string& id) { publisher_.on_returned(queue, id); }

void BrokerLoop::on_blocked(const std::string& reason) {
  session_.state.on_blocked(reason);
  publish_state();
  log_warn("rabbitmq_unavailable", {{"queue", options_.name}, {"reason", session_.state.unavailable_reason()}});
  publisher_.on_blocked(reason);
}

void BrokerLoop::on_unblocked() {
  publisher_.on_unblocked();
  session_.state.on_unblocked(net::read_monotonic_clock());
  publish_state();
  log_info("rabbitmq_recovered", {{"queue", options_.name}, {"broker", options_.url.shown()}});
}

}  // namespace tidegate::jobs
