// The deliveries that this process has not acked yet. The broker's thread adds them, the event loops claim from them.
// Owned by the queue (context.h); outlives the broker's thread.
//
//   add ──▶ ready ──take──▶ taken ──hold──▶ held ──take_held──▶ gone: acked, or moved to another queue
//             ▲               │ │             │                  ▲
//             │◀── put_back ──┘ └─────────────│──────────────────┘
//             └────────── lease over ─────────┘
//
// taken: a claim reads its record. held: its job runs.
//
// When the connection breaks, what is ready is dropped, because the broker delivers it again. What is held keeps its
// body, and takes the tag of the message when that is delivered again.
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

#include "jobs/rabbit/broker/events.h"
#include "jobs/store_call.h"
#include "jobs/work_listener.h"

namespace tidegate::jobs {

struct Delivery {
  ReceivedMessage received;
  uint64_t connection = 0;           // its tag is valid on this one only
  uint64_t order = 0;                // of deliveries
  WallTime due{};                    // not taken earlier
  bool record_checked = false;       // after a redelivery
  bool seen_without_record = false;  // no record was found once
};
using DeliveryPtr = std::shared_ptr<Delivery>;

class UnackedDeliveries {
 public:
  // Broker's thread. The connection has changed: earlier tags are invalid.
  void begin_connection();
  DeliveryPtr make_delivery(ReceivedMessage received);  // counts as taken
  void add(ReceivedMessage received);
  // To be requeued.
  std::vector<DeliveryPtr> take_all_ready();
  bool has_ready() const;

  // Any thread, as all that follows. The first delivered of those due; null: none.
  DeliveryPtr take(WallTime now);
  std::optional<WallTime> next_due() const;
  void put_back(DeliveryPtr delivery, WallTime due);
  void hold(DeliveryPtr delivery, uint64_t claim, WallTime until);
  void extend(const std::string& id, uint64_t claim, WallTime until);
  DeliveryPtr find_held(const std::string& id, uint64_t claim) const;
  DeliveryPtr take_held(const std::string& id, uint64_t claim);
  // The next delivery of this job is not due before.
  void remember_due(const std::string& id, WallTime due);

  // Succeeds when something becomes ready; at once where something is ready and due.
  void notify_when_ready(std::shared_ptr<PendingCall<Ok>> waiter, WallTime now);
  void on_work(net::Runtime& home, std::function<void()> changed) { listener_->set(home, std::move(changed)); }
  void announce_work() { listener_->tell(); }

  // Between the two, a delivery of this id is not taken: its record is not admitted yet.
  void begin_append(const std::string& id);
  void end_append(const std::string& id, bool admitted);
  // This process has published a message a moment ago that is not delivered yet.
  bool expects_delivery();

  uint64_t connection_number() const;
  // Its connection is the current one.
  bool is_current(const Delivery& delivery) const { return delivery.connection == connection_number(); }

 private:
  struct Held {
    DeliveryPtr delivery;
    uint64_t claim;
    WallTime until;
  };
  bool may_be_taken(const Delivery& delivery, WallTime now) const;
  DeliveryPtr make(ReceivedMessage received);
  void end_leases(WallTime now);
  void wake(std::unique_lock<std::mutex>& lock);  // unlocks it

  mutable std::mutex mutex_;
  uint64_t connection_ = 0;
  uint64_t next_order_ = 0;
  std::map<uint64_t, DeliveryPtr> ready_;  // by order
  std::unordered_map<std::string, Held> held_;
  std::unordered_map<std::string, WallTime> not_before_;
  std::unordered_set<std::string> appending_;
  std::unordered_map<std::string, Time> expected_;  // admitted, not delivered; until when
  std::vector<std::shared_ptr<PendingCall<Ok>>> waiters_;
  const std::shared_ptr<WorkListener> listener_ = std::make_shared<WorkListener>();
};

}  // namespace tidegate::jobs
