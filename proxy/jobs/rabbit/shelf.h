// The messages that the broker has delivered to this process and that are not acked yet: shared by the broker's thread,
// which puts them here, and the loops, which claim from here.
//
//   delivered ──▶ ready ──take──▶ (looked at: what does its record say?) ──hold──▶ held by a claim
//                   ▲ put_back                    │ ended: acked                     │ let_go: acked, or moved on
//                   └─────────────────────────────┴── not yet due, lease over ◀──────┘
//
// A broken connection takes back what is ready (the broker delivers it again); what is held keeps its body, and is
// joined with its message when that comes back.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "jobs/rabbit/connection.h"
#include "jobs/store_call.h"
#include "jobs/work_listener.h"

namespace tidegate::jobs {

struct Delivery {
  RabbitArrival arrival;
  uint64_t connection = 0;  // which one's tag it has
  uint64_t order = 0;       // of arrival
  WallTime due{};           // not taken earlier
  bool looked_up = false;   // its record was asked whether it is due (after a redelivery)
  bool recordless = false;  // it has been seen to have no record
};
using DeliveryPtr = std::shared_ptr<Delivery>;

class RabbitShelf {
 public:
  // Broker's thread. A new connection: tags of the one before mean nothing any more.
  void begin_connection();
  DeliveryPtr receive(RabbitArrival arrival);  // in hand, not on the shelf
  void put(RabbitArrival arrival);
  // All that is ready, to be given back to the broker.
  std::vector<DeliveryPtr> clear_ready();
  bool has_ready() const;

  // Any thread.
  DeliveryPtr take(WallTime now);  // the one that came first among those due; null: none
  std::optional<WallTime> next_due() const;
  void put_back(DeliveryPtr delivery, WallTime due);
  void hold(DeliveryPtr delivery, uint64_t claim, WallTime until);
  void extend(const std::string& id, uint64_t claim, WallTime until);
  DeliveryPtr held(const std::string& id, uint64_t claim) const;
  DeliveryPtr let_go(const std::string& id, uint64_t claim);
  // A job that must wait, wherever its message comes from next.
  void remember(const std::string& id, WallTime due);

  // Answered when something has become ready; at once where something is, and is due.
  void wait(std::shared_ptr<PendingCall<Ok>> waiter, WallTime now);
  void on_work(net::Runtime& home, std::function<void()> changed) { listener_->set(home, std::move(changed)); }
  void tell() { listener_->tell(); }

  // Between them, a message of this id is not to be looked at: its record is not admitted yet.
  void begin_append(const std::string& id);
  void end_append(const std::string& id, bool admitted);
  // A message that was published from here a moment ago is still on its way.
  bool expects_delivery();

  uint64_t connection() const;

 private:
  struct Held {
    DeliveryPtr delivery;
    uint64_t claim;
    WallTime until;
  };
  bool may_be_taken(const Delivery& delivery, WallTime now) const;
  DeliveryPtr make(RabbitArrival arrival);
  void end_leases(WallTime now);
  void wake(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  uint64_t connection_ = 0;
  uint64_t next_order_ = 0;
  std::map<uint64_t, DeliveryPtr> ready_;  // by order
  std::unordered_map<std::string, Held> held_;
  std::unordered_map<std::string, WallTime> not_before_;
  std::unordered_set<std::string> appending_;
  std::unordered_map<std::string, Time> on_their_way_;  // admitted, not delivered; until when that is believed
  std::vector<std::shared_ptr<PendingCall<Ok>>> waiters_;
  const std::shared_ptr<WorkListener> listener_ = std::make_shared<WorkListener>();
};

}  // namespace tidegate::jobs
