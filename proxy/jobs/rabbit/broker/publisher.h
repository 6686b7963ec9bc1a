// Publishes messages and waits for the broker's confirms, many at once. Owned by BrokerLoop, used on its thread except
// where said.
//
//   publish(), move() ──▶ unconfirmed ──confirmed──▶ the call succeeds; a moved delivery is acked
//                             │
//                             │ refused, unroutable, connection lost
//                             └──▶ the call fails; a moved delivery stays where it was
//
// Bounds: `pending_max` publishes at once, and the time that a confirm may take. A confirm that is late ends the
// connection: nothing is known about what the broker has, and all that it has is delivered again.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "jobs/rabbit/broker/broker_session.h"
#include "jobs/rabbit/broker/delay_tiers.h"
#include "jobs/rabbit/broker/unacked_deliveries.h"
#include "jobs/shared_limits.h"
#include "jobs/store_call.h"

namespace tidegate::jobs {

struct PublisherOptions {
  std::string name;  // of Tidegate's queue
  Duration confirm_max = 2s;
  SharedLimits limits = {};   // of the queue: a dead letter stays as long as the record of its job
  size_t pending_max = 4096;  // publishes waiting for the thread or for their confirms
  std::function<void(Duration)> on_confirm = {};
};

class Publisher {
 public:
  Publisher(PublisherOptions options, BrokerSession& session, DelayTiers& tiers, UnackedDeliveries& deliveries);

  // Any thread. A slot among the pending publishes, freed when the call of publish() is completed; false: none is free.
  bool reserve();
  // Any thread. How long a confirm of a message with such a body may take.
  Duration confirm_max(uint64_t body_size) const;

  // To the work queue, or to the delay queue for `wait`. REQUIRES a reserved slot.
  void publish(RabbitMessage& message, Duration wait, std::shared_ptr<PendingCall<Ok>> call);
  // A copy of a delivery goes to `queue`; the delivery is acked once that is confirmed.
  void move(DeliveryPtr delivery, const std::string& queue, const RabbitMessage& message);

  void on_confirm(uint64_t number, bool multiple, bool accepted);
  void on_returned(const std::string& queue, const std::string& id);
  void on_blocked(const std::string& reason);
  void on_unblocked();
  void on_lost(const std::string& reason);

  bool is_idle() const { return unconfirmed_.empty(); }
  bool has_unconfirmed(const std::string& queue) const;
  // Why the connection must end; "" = it need not.
  std::string failure() const;

 private:
  struct Unconfirmed {
    std::string queue;
    std::string id;
    std::shared_ptr<PendingCall<Ok>> call = nullptr;  // of publish()
    DeliveryPtr moved = nullptr;                      // or of move()
    Time since{};
    Duration confirm_max{};
    bool returned = false;
  };

  void send(Unconfirmed publish, const RabbitMessage& message);
  void succeed(Unconfirmed& publish);
  void fail(Unconfirmed& publish, const std::string& reason);
  bool is_late(const Unconfirmed& publish, Time now) const { return now - publish.since > publish.confirm_max; }

  const PublisherOptions options_;
  const std::string work_, dead_;
  BrokerSession& session_;
  DelayTiers& tiers_;
  UnackedDeliveries& deliveries_;
  std::map<uint64_t, Unconfirmed> unconfirmed_;  // by the number of the confirm
  bool queue_missing_ = false;                   // until the connection has ended
  std::atomic<size_t> pending_{0};
};

}  // namespace tidegate::jobs
