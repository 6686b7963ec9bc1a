#include "jobs/rabbit/broker/dead_letter_search.h"

#include <utility>

#include "jobs/rabbit/broker/topology.h"

namespace tidegate::jobs {

namespace {

constexpr size_t kPassedMax = 10'000;
constexpr size_t kPendingMax = 64;

}  // namespace

DeadLetterSearch::DeadLetterSearch(const std::string& name, BrokerSession& session, Publisher& publisher,
                                   UnackedDeliveries& deliveries)
    : dead_(dead_queue(name)), session_(session), publisher_(publisher), deliveries_(deliveries) {}

void DeadLetterSearch::find(const std::string& id, std::shared_ptr<PendingCall<DeadLetter>> call) {
  if (session_.takes_publishes() && searches_.size() < kPendingMax) {
    return searches_.push_back({id, std::move(call), {}});
  }
  call->fail({ErrorCode::unavailable, session_.is_open() ? "rabbitmq is busy" : "rabbitmq is unavailable"});
  StoreCall::complete(call);
}

void DeadLetterSearch::settle(uint64_t tag, uint64_t connection, bool remove) {
  if (!session_.is_open() || connection != deliveries_.connection_number()) return;
  remove ? session_.connection->ack_dead_letter(tag) : session_.connection->requeue_dead_letter(tag);
}

// Not while a dead letter is being published: it could be the one.
void DeadLetterSearch::update() {
  if (reading_ || searches_.empty() || !session_.takes_publishes()) return;
  if (publisher_.has_unconfirmed(dead_)) return;
  reading_ = true;
  session_.connection->get_dead_letter(dead_);
}

void DeadLetterSearch::on_dead_letter(std::optional<ReceivedMessage> received) {
  if (!reading_) return;
  Search& search = searches_.front();
  if (!received) return finish({ErrorCode::not_found, "no dead letter of job " + search.id});
  if (received->message.id == search.id) {
    return finish(DeadLetter{received->tag, deliveries_.connection_number(), std::move(received->message)});
  }
  search.passed.push_back(received->tag);
  if (search.passed.size() >= kPassedMax) return finish({ErrorCode::exhausted, "too many dead letters before it"});
  session_.connection->get_dead_letter(dead_);
}

void DeadLetterSearch::finish(Result<DeadLetter> found) {
  const Search search = std::move(searches_.front());
  searches_.pop_front();
  reading_ = false;
  for (const uint64_t tag : search.passed) session_.connection->requeue_dead_letter(tag);
  search.call->set(std::move(found));
  StoreCall::complete(search.call);
}

void DeadLetterSearch::on_lost(const std::string& reason) {
  reading_ = false;
  for (const Search& search : std::exchange(searches_, {})) {
    search.call->fail({ErrorCode::unavailable, reason});
    StoreCall::complete(search.call);
  }
}

}  // namespace tidegate::jobs
