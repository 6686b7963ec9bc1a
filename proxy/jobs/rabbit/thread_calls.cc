// What the broker's thread is asked to do, and what it hears.
#include <algorithm>

#include "base/log.h"
#include "jobs/rabbit/thread.h"
#include "jobs/rabbit/topology.h"
#include "net/clock.h"

namespace tidegate::jobs {

namespace {

constexpr uint64_t kSlowest_bytes_s = 8 << 20;  // of a body on its way into a quorum queue
constexpr size_t kLettersMax = 10'000;          // looked at for one
constexpr size_t kSeeksMax = 64;

WallTime from_ms(int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

}  // namespace

Duration RabbitThread::publish_max(uint64_t body_size) const {
  return options_.answer_max + std::chrono::milliseconds(1000 * body_size / kSlowest_bytes_s);
}

void RabbitThread::publish(RabbitMessage message, Duration wait, std::shared_ptr<PendingCall<Ok>> answer) {
  std::string why = why_away();
  {
    const std::lock_guard lock(mutex_);
    if (why.empty() && publishing_ >= options_.pending_max) why = "too many publishes wait";
    if (why.empty()) ++publishing_;
  }
  if (!why.empty()) {
    answer->fail({ErrorCode::unavailable, why});
    return StoreCall::answer(answer);
  }
  auto shared = std::make_shared<RabbitMessage>(std::move(message));
  const bool submitted = submit([this, shared, wait, answer] {
    Unconfirmed what{work_, shared->id, {}, {}, false, answer, nullptr};
    if (answer->dropped() || blocked_ || !here()) return settle(what, false, "the broker is away");
    const int64_t rung = wait >= kRungMin ? rung_s(wait) : 0;
    if (rung > 0 && rung_is_there(rung)) what.queue = delay_queue(options_.name, rung);
    shared->crc = message_crc(*shared);
    send(std::move(what), *shared);
  });
  if (submitted) return;
  answer->fail({ErrorCode::unavailable, "the queue is closing"});
  StoreCall::answer(answer);
}

// Until its delay queue can be relied on, a message waits in hand.
bool RabbitThread::rung_is_there(int64_t rung) {
  const Time now = net::read_monotonic_clock();
  if (rungs_.count(rung) == 0) {
    connection_->declare(delay_queue(options_.name, rung), rung * 1000, work_);
    rungs_[rung] = now + options_.settle;
  }
  return now >= rungs_[rung];
}

void RabbitThread::send(Unconfirmed what, const RabbitMessage& message) {
  RabbitMessage stamped = message;
  // A message that is only moved stays as old as it is: that is how one without a record ends.
  if (!what.moved) stamped.published_ms = unix_ms(net::read_wall_clock());
  what.since = net::read_monotonic_clock();
  what.bound = publish_max(message.body.size());
  const int64_t expiration_ms = what.queue == dead_ ? ceil_ms(options_.letters_ttl) : 0;
  const uint64_t number = connection_->publish(what.queue, stamped, expiration_ms);
  if (number == 0) return settle(what, false, "the connection is lost");
  unconfirmed_.emplace(number, std::move(what));
}

void RabbitThread::settle(Unconfirmed& what, bool taken, const std::string& why) {
  if (what.answer) {
    {
      const std::lock_guard lock(mutex_);
      --publishing_;
    }
    taken ? what.answer->set(Ok{})
          : what.answer->fail({ErrorCode::unavailable, "publish to " + what.queue + ": " + why});
    return StoreCall::answer(what.answer);
  }
  const bool current = here() && what.moved->connection == shelf_.connection();
  if (taken && current) return connection_->ack(what.moved->arrival.tag);
  if (taken) return;  // it comes again, and its record will say that it is not its turn
  shelf_.put_back(what.moved, what.moved->due);
}

void RabbitThread::ack(DeliveryPtr delivery) {
  submit([this, delivery = std::move(delivery)] {
    if (here() && delivery->connection == shelf_.connection()) connection_->ack(delivery->arrival.tag);
  });
}

void RabbitThread::delay(DeliveryPtr delivery, WallTime until) {
  submit([this, delivery = std::move(delivery), until] {
    const Duration wait = until - net::read_wall_clock();
    if (wait < kRungMin) return shelf_.put_back(delivery, until);
    delivery->due = until;
    send_on(delivery, wait);
  });
}

void RabbitThread::to_dead(DeliveryPtr delivery, std::string reason, std::string history) {
  submit([this, delivery = std::move(delivery), reason = std::move(reason), history = std::move(history)] {
    RabbitMessage message = delivery->arrival.message;
    message.not_before_ms = 0;
    message.reason = reason;
    message.history = history;
    move(delivery, dead_, message);
  });
}

// Its wait is in `due`; what has passed of it on the way here counts.
void RabbitThread::send_on(const DeliveryPtr& delivery, Duration wait) {
  const int64_t rung = rung_s(wait);
  if (here() && !rung_is_there(rung)) return shelf_.put_back(delivery, delivery->due);
  RabbitMessage message = delivery->arrival.message;
  message.not_before_ms = unix_ms(delivery->due);
  move(delivery, delay_queue(options_.name, rung), message);
}

void RabbitThread::move(DeliveryPtr delivery, const std::string& queue, const RabbitMessage& message) {
  if (delivery->connection != shelf_.connection() || !here()) return;  // it comes again
  if (blocked_) return shelf_.put_back(delivery, delivery->due);
  send({queue, message.id, {}, {}, false, nullptr, std::move(delivery)}, message);
}

// In the broker's silence nothing is known: the connection ends, and what it had is delivered again.
bool RabbitThread::confirms_are_late() const {
  if (unconfirmed_.empty() || blocked_) return false;
  const Time now = net::read_monotonic_clock();
  return std::any_of(unconfirmed_.begin(), unconfirmed_.end(),
                     [now](const auto& entry) { return now - entry.second.since > entry.second.bound; });
}

void RabbitThread::on_delivery(RabbitArrival arrival) {
  const WallTime now = net::read_wall_clock();
  const WallTime due = from_ms(arrival.message.not_before_ms);
  if (due - now < kRungMin) return shelf_.put(std::move(arrival));
  send_on(shelf_.receive(std::move(arrival)), due - now);  // the rest of its wait
}

void RabbitThread::on_confirm(uint64_t number, bool multiple, bool taken) {
  for (auto at = multiple ? unconfirmed_.begin() : unconfirmed_.find(number);
       at != unconfirmed_.end() && at->first <= number;) {
    Unconfirmed what = std::move(at->second);
    at = unconfirmed_.erase(at);
    if (options_.on_confirm && what.answer) options_.on_confirm(net::read_monotonic_clock() - what.since);
    const bool arrived = taken && !what.returned;
    settle(what, arrived, what.returned ? "there is no such queue" : "the broker refused it");
    if (!multiple) return;
  }
}

void RabbitThread::on_returned(const std::string& queue, const std::string& id) {
  for (auto& [number, what] : unconfirmed_) {
    if (what.queue == queue && what.id == id) what.returned = true;
  }
  queue_missing_ = true;  // all of them are declared again, after this confirm
}

// Confirms may still come when the alarm is over; nobody waits for that.
void RabbitThread::on_blocked(const std::string& reason) {
  log_warn("broker_blocked", {{"queue", options_.name}, {"reason", reason}});
  blocked_ = true;
  set_away("blocked: " + reason);
  for (auto& [number, what] : unconfirmed_) {
    if (what.answer) settle(what, false, "blocked: " + reason);
    what.answer = nullptr;
  }
  std::erase_if(unconfirmed_, [](const auto& entry) { return !entry.second.moved; });
}

void RabbitThread::on_unblocked() {
  log_info("broker_unblocked", {{"queue", options_.name}});
  blocked_ = false;
  for (auto& [number, what] : unconfirmed_) what.since = net::read_monotonic_clock();
  set_away("");
}

void RabbitThread::seek(const std::string& id, std::shared_ptr<PendingCall<RabbitLetter>> answer) {
  const auto refuse = [answer](const char* why) {
    answer->fail({ErrorCode::unavailable, why});
    StoreCall::answer(answer);
  };
  const bool taken = submit([this, id, answer, refuse] {
    if (here() && !blocked_ && seeks_.size() < kSeeksMax) return seeks_.push_back({id, answer, {}});
    refuse(here() ? "the broker is busy" : "the broker is away");
  });
  if (!taken) refuse("the queue is closing");
}

// One at a time, and not while a letter is on its way: it could be the one.
void RabbitThread::begin_seek() {
  if (seeking_ || seeks_.empty() || !here() || blocked_) return;
  const bool on_its_way = std::any_of(unconfirmed_.begin(), unconfirmed_.end(),
                                      [this](const auto& entry) { return entry.second.queue == dead_; });
  if (on_its_way) return;
  seeking_ = true;
  connection_->get(dead_);
}

void RabbitThread::on_got(std::optional<RabbitArrival> letter) {
  if (!seeking_) return;
  Seek& seek = seeks_.front();
  if (!letter) return end_seek({ErrorCode::not_found, "no dead letter of job " + seek.id});
  if (letter->message.id == seek.id) {
    return end_seek(RabbitLetter{letter->tag, shelf_.connection(), std::move(letter->message)});
  }
  seek.passed.push_back(letter->tag);
  if (seek.passed.size() >= kLettersMax) return end_seek({ErrorCode::exhausted, "too many dead letters before it"});
  connection_->get(dead_);
}

void RabbitThread::end_seek(Result<RabbitLetter> found) {
  const Seek seek = std::move(seeks_.front());
  seeks_.pop_front();
  seeking_ = false;
  for (const uint64_t tag : seek.passed) connection_->keep_letter(tag);
  seek.answer->set(std::move(found));
  StoreCall::answer(seek.answer);
}

void RabbitThread::settle_letter(const RabbitLetter& letter, bool drop) {
  submit([this, tag = letter.tag, connection = letter.connection, drop] {
    if (!here() || connection != shelf_.connection()) return;
    drop ? connection_->drop_letter(tag) : connection_->keep_letter(tag);
  });
}

}  // namespace tidegate::jobs
