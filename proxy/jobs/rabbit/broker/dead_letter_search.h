// Finds the dead letter of a job: reads the dead-letter queue message by message, then requeues those that it passed,
// which keeps their order. One search at a time. Owned by BrokerLoop, used on its thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "jobs/rabbit/broker/broker_session.h"
#include "jobs/rabbit/broker/publisher.h"
#include "jobs/rabbit/broker/unacked_deliveries.h"
#include "jobs/store_call.h"

namespace tidegate::jobs {

// A dead letter that was found: unacked until settle().
struct DeadLetter {
  uint64_t tag = 0;
  uint64_t connection = 0;
  RabbitMessage message;
};

class DeadLetterSearch {
 public:
  DeadLetterSearch(const std::string& name, BrokerSession& session, Publisher& publisher,
                   UnackedDeliveries& deliveries);

  // Errors: not_found, exhausted (too many dead letters before it), unavailable.
  void find(const std::string& id, std::shared_ptr<PendingCall<DeadLetter>> call);
  // Removes it from the queue, or returns it to where it was.
  void settle(uint64_t tag, uint64_t connection, bool remove);

  // Begins the next search where none is under way.
  void update();
  void on_dead_letter(std::optional<ReceivedMessage> received);
  void on_lost(const std::string& reason);

 private:
  struct Search {
    std::string id;
    std::shared_ptr<PendingCall<DeadLetter>> call;
    std::vector<uint64_t> passed;  // tags
  };
  void finish(Result<DeadLetter> found);

  const std::string dead_;
  BrokerSession& session_;
  Publisher& publisher_;
  UnackedDeliveries& deliveries_;
  std::deque<Search> searches_;
  bool reading_ = false;  // the first of them
};

}  // namespace tidegate::jobs
