// The consumer of the work queue: takes deliveries while somebody claims, and ends them: acked, or moved to a delay
// tier or to the dead letters. Owned by BrokerLoop, used on its thread except where said.
//
// A delivery that is moved is acked only when the broker has confirmed its copy; where that fails, it stays unacked
// here.
#pragma once

#include <atomic>
#include <string>

#include "jobs/rabbit/broker/broker_session.h"
#include "jobs/rabbit/broker/delay_tiers.h"
#include "jobs/rabbit/broker/publisher.h"
#include "jobs/rabbit/broker/unacked_deliveries.h"

namespace tidegate::jobs {

class Consumer {
 public:
  Consumer(const std::string& name, uint16_t prefetch, BrokerSession& session, DelayTiers& tiers, Publisher& publisher,
           UnackedDeliveries& deliveries);

  // Any thread. Somebody claims: deliveries are wanted for a while.
  void on_claim();

  void start();
  void on_lost() { consuming_ = false; }
  // Without claims, other processes may have the work: stops consuming and requeues what is ready, until the next
  // claim.
  void update();
  void on_delivery(ReceivedMessage received);

  void ack(const DeliveryPtr& delivery);
  void delay(const DeliveryPtr& delivery, WallTime until);
  void dead_letter(const DeliveryPtr& delivery, const std::string& reason, const std::string& history);

 private:
  void move_to_tier(const DeliveryPtr& delivery, Duration wait);
  bool is_current(const Delivery& delivery) const { return session_.is_open() && deliveries_.is_current(delivery); }

  const std::string work_, dead_;
  const uint16_t prefetch_;
  BrokerSession& session_;
  DelayTiers& tiers_;
  Publisher& publisher_;
  UnackedDeliveries& deliveries_;
  bool consuming_ = false;
  std::atomic<Time::rep> claimed_at_;
};

}  // namespace tidegate::jobs
