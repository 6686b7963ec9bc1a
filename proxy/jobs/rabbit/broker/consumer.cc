#include "jobs/rabbit/broker/consumer.h"

#include <utility>

#include "jobs/rabbit/broker/topology.h"
#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kClaimsExpected = 5s;  // after the last one

}  // namespace

Consumer::Consumer(const std::string& name, uint16_t prefetch, BrokerSession& session, DelayTiers& tiers,
                   Publisher& publisher, UnackedDeliveries& deliveries)
    : work_(work_queue(name)),
      dead_(dead_queue(name)),
      prefetch_(prefetch),
      session_(session),
      tiers_(tiers),
      publisher_(publisher),
      deliveries_(deliveries) {
  on_claim();
}

void Consumer::on_claim() { claimed_at_ = net::read_monotonic_clock().time_since_epoch().count(); }

void Consumer::start() {
  session_.connection->consume(work_, prefetch_);
  consuming_ = true;
}

void Consumer::update() {
  if (!session_.takes_publishes()) return;
  const Time claimed_at{Duration(claimed_at_.load())};
  const bool wanted = net::read_monotonic_clock() - claimed_at < kClaimsExpected;
  if (wanted && !consuming_) return start();
  if (wanted || !deliveries_.has_ready()) return;
  if (consuming_) session_.connection->stop_consuming();
  consuming_ = false;
  for (const DeliveryPtr& delivery : deliveries_.take_all_ready()) {
    if (deliveries_.is_current(*delivery)) session_.connection->requeue(delivery->received.tag);
  }
}

void Consumer::on_delivery(ReceivedMessage received) {
  const Duration wait = from_unix_ms(received.message.not_before_ms) - net::read_wall_clock();
  if (wait < kDelayTierMin) return deliveries_.add(std::move(received));
  move_to_tier(deliveries_.make_delivery(std::move(received)), wait);  // what remains of its wait
}

void Consumer::ack(const DeliveryPtr& delivery) {
  if (is_current(*delivery)) session_.connection->ack(delivery->received.tag);
}

void Consumer::delay(const DeliveryPtr& delivery, WallTime until) {
  const Duration wait = until - net::read_wall_clock();
  if (wait < kDelayTierMin) return deliveries_.put_back(delivery, until);
  delivery->due = until;
  move_to_tier(delivery, wait);
}

// Until the tier can be relied on, the delivery waits here.
void Consumer::move_to_tier(const DeliveryPtr& delivery, Duration wait) {
  if (!is_current(*delivery)) return;  // it is delivered again
  const auto queue = tiers_.queue_for(wait);
  if (!queue) return deliveries_.put_back(delivery, delivery->due);
  RabbitMessage message = delivery->received.message;
  message.not_before_ms = unix_ms(delivery->due);
  publisher_.move(delivery, *queue, message);
}

void Consumer::dead_letter(const DeliveryPtr& delivery, const std::string& reason, const std::string& history) {
  RabbitMessage message = delivery->received.message;
  message.not_before_ms = 0;
  message.reason = reason;
  message.history = history;
  publisher_.move(delivery, dead_, message);
}

}  // namespace tidegate::jobs
