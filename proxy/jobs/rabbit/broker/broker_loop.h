// The thread that talks to RabbitMQ, the only one that uses librabbitmq: connects, reconnects with back-off, and drives
// what the connection carries. Closing publishes and confirms what was taken, within a bound. Owned by the queue
// (context.h); the deliveries outlive it.
//
//   any thread ──task──▶ BrokerLoop ──▶ Publisher           publishes and confirms
//                          │   │ ▲  ├─▶ Consumer            deliveries of the work queue
//                          │   │ │  └─▶ DeadLetterSearch    what operators look for
//                          │   ▼ │ events
//                          │  RabbitConnection
//                          └──▶ BrokerState                 its phases: broker_state.h
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "jobs/rabbit/broker/broker_session.h"
#include "jobs/rabbit/broker/consumer.h"
#include "jobs/rabbit/broker/dead_letter_search.h"
#include "jobs/rabbit/broker/delay_tiers.h"
#include "jobs/rabbit/broker/publisher.h"
#include "jobs/rabbit/broker/unacked_deliveries.h"
#include "jobs/shared_limits.h"
#include "jobs/store_thread.h"
#include "net/doorbell.h"

namespace tidegate::jobs {

struct BrokerOptions {
  config::AmqpUrl url;
  net::TlsServer tls = {};  // where it is amqps://
  std::string name;         // of Tidegate's queue
  uint16_t prefetch = 32;
  Duration reply_timeout = 2s;  // for a confirm; for each step of connecting, half as long again
  SharedLimits limits = {};     // of the queue
  // How long a queue that was declared just now is not relied on: RabbitMQ confirms messages to it at once, but stores
  // the queue itself half a second later; when it is killed before, the queue and its messages are gone.
  Duration settle = 2s;
  std::function<void(Duration)> on_confirm = {};  // how long a publish took; on the broker's thread
};

class BrokerLoop final : public StoreThread, private RabbitEvents {
 public:
  BrokerLoop(BrokerOptions options, UnackedDeliveries& deliveries);
  ~BrokerLoop() override { stop(); }

  // Any thread, as all that follows. To the work queue once `wait` is over; succeeds when the broker has confirmed it.
  void publish(RabbitMessage message, Duration wait, std::shared_ptr<PendingCall<Ok>> call);
  Duration confirm_max(uint64_t body_size) const { return publisher_.confirm_max(body_size); }

  // How a delivery ends: see Consumer.
  void ack(DeliveryPtr delivery);
  void delay(DeliveryPtr delivery, WallTime until);
  void dead_letter(DeliveryPtr delivery, std::string reason, std::string history);

  // See DeadLetterSearch.
  void find_dead_letter(const std::string& id, std::shared_ptr<PendingCall<DeadLetter>> call);
  void settle_dead_letter(const DeadLetter& letter, bool remove);

  // Somebody claims: see Consumer.
  void on_claim();

 private:
  using Task = std::function<void()>;

  void run() override;
  void on_closing() override;
  void on_ended() override { run_tasks(); }  // what was submitted meanwhile fails
  bool is_done() const;
  void reconnect();
  void connect();
  bool declare_queues();
  void serve();
  void run_tasks();
  bool submit(Task task);  // false: the thread has ended
  void lose(std::string reason);
  void publish_state();
  void finish();
  bool is_closing() const;

  void on_delivery(ReceivedMessage received) override;
  void on_dead_letter(std::optional<ReceivedMessage> received) override;
  void on_confirm(uint64_t number, bool multiple, bool accepted) override;
  void on_returned(const std::string& queue, const std::string& id) override;
  void on_blocked(const std::string& reason) override;
  void on_unblocked() override;

  const BrokerOptions options_;
  UnackedDeliveries& deliveries_;

  // The thread's own.
  BrokerSession session_;
  DelayTiers tiers_;
  Publisher publisher_;
  Consumer consumer_;
  DeadLetterSearch dead_letters_;

  net::Doorbell doorbell_;
  std::deque<Task> tasks_;  // the lock of StoreThread guards these two
  Time close_by_{};
};

}  // namespace tidegate::jobs
