#include "jobs/rabbit/broker/publisher.h"

#include <algorithm>
#include <utility>

#include "jobs/rabbit/broker/topology.h"
#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kBodyRateMin_bytes_s = 8 << 20;  // into a quorum queue

}  // namespace

Publisher::Publisher(PublisherOptions options, BrokerSession& session, DelayTiers& tiers, UnackedDeliveries& deliveries)
    : options_(std::move(options)),
      work_(work_queue(options_.name)),
      dead_(dead_queue(options_.name)),
      session_(session),
      tiers_(tiers),
      deliveries_(deliveries) {}

bool Publisher::reserve() {
  if (pending_.fetch_add(1) < options_.pending_max) return true;
  --pending_;
  return false;
}

Duration Publisher::confirm_max(uint64_t body_size) const {
  return options_.confirm_max + std::chrono::milliseconds(1000 * body_size / kBodyRateMin_bytes_s);
}

void Publisher::publish(RabbitMessage& message, Duration wait, std::shared_ptr<PendingCall<Ok>> call) {
  Unconfirmed publish{.queue = work_, .id = message.id, .call = std::move(call)};
  if (publish.call->dropped() || !session_.takes_publishes()) return fail(publish, "rabbitmq is unavailable");
  if (wait >= kDelayTierMin) publish.queue = tiers_.queue_for(wait).value_or(work_);
  message.crc = message_crc(message);
  message.published_ms = unix_ms(net::read_wall_clock());
  send(std::move(publish), message);
}

// A moved message keeps the time of its publish: the age of a message without a record decides when it is dropped.
void Publisher::move(DeliveryPtr delivery, const std::string& queue, const RabbitMessage& message) {
  if (!session_.is_open() || !deliveries_.is_current(*delivery)) return;  // it is delivered again
  if (session_.is_blocked()) return deliveries_.put_back(delivery, delivery->due);
  send({.queue = queue, .id = message.id, .moved = std::move(delivery)}, message);
}

void Publisher::send(Unconfirmed publish, const RabbitMessage& message) {
  publish.since = net::read_monotonic_clock();
  publish.confirm_max = confirm_max(message.body.size());
  const int64_t expiration_ms = publish.queue == dead_ ? ceil_ms(2 * options_.limits.get().results_ttl) : 0;
  const uint64_t number = session_.connection->publish(publish.queue, message, expiration_ms);
  if (number == 0) return fail(publish, "the connection is lost");
  unconfirmed_.emplace(number, std::move(publish));
}

void Publisher::succeed(Unconfirmed& publish) {
  if (publish.call) {
    --pending_;
    publish.call->set(Ok{});
    return StoreCall::complete(publish.call);
  }
  // Otherwise it is delivered again, and its record says that it is not due.
  const bool current = session_.is_open() && deliveries_.is_current(*publish.moved);
  if (current) session_.connection->ack(publish.moved->received.tag);
}

void Publisher::fail(Unconfirmed& publish, const std::string& reason) {
  if (publish.moved) return deliveries_.put_back(publish.moved, publish.moved->due);
  --pending_;
  publish.call->fail({ErrorCode::unavailable, "publish to " + publish.queue + ": " + reason});
  StoreCall::complete(publish.call);
}

void Publisher::on_confirm(uint64_t number, bool multiple, bool accepted) {
  auto at = multiple ? unconfirmed_.begin() : unconfirmed_.find(number);
  while (at != unconfirmed_.end() && at->first <= number) {
    Unconfirmed publish = std::move(at->second);
    at = unconfirmed_.erase(at);
    if (options_.on_confirm && publish.call) options_.on_confirm(net::read_monotonic_clock() - publish.since);
    if (publish.returned) fail(publish, "there is no such queue");
    else if (!accepted) fail(publish, "the broker refused it");
    else succeed(publish);
    if (!multiple) return;
  }
}

void Publisher::on_returned(const std::string& queue, const std::string& id) {
  for (auto& [number, publish] : unconfirmed_) {
    if (publish.queue == queue && publish.id == id) publish.returned = true;
  }
  queue_missing_ = true;  // the next connection declares it again
}

// Confirms may still come when the alarm is over; no call waits that long.
void Publisher::on_blocked(const std::string& reason) {
  for (auto& [number, publish] : unconfirmed_) {
    if (publish.call) fail(publish, "blocked: " + reason);
  }
  std::erase_if(unconfirmed_, [](const auto& entry) { return entry.second.call != nullptr; });
}

void Publisher::on_unblocked() {
  for (auto& [number, publish] : unconfirmed_) publish.since = net::read_monotonic_clock();
}

void Publisher::on_lost(const std::string& reason) {
  queue_missing_ = false;
  for (auto& [number, publish] : std::exchange(unconfirmed_, {})) fail(publish, reason);
}

bool Publisher::has_unconfirmed(const std::string& queue) const {
  return std::any_of(unconfirmed_.begin(), unconfirmed_.end(),
                     [&queue](const auto& entry) { return entry.second.queue == queue; });
}

std::string Publisher::failure() const {
  if (queue_missing_) return "a queue is missing";
  if (session_.is_blocked()) return "";
  const Time now = net::read_monotonic_clock();
  const bool late = std::any_of(unconfirmed_.begin(), unconfirmed_.end(),
                                [&](const auto& entry) { return is_late(entry.second, now); });
  return late ? "no confirm in time" : "";
}

}  // namespace tidegate::jobs
