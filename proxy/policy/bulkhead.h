// The bulkhead: at most max_concurrent calls at once, at most max_waiting waiting for a place, first come first served.
// The bound on the waiting time is the caller's timer. Pure but for one thing: who releases a place tells the next
// waiter. Thread-safe (one small lock).
//
// Replayed jobs only ever acquire_spare(): live traffic goes first. It gives nothing while somebody waits. One job at a
// time may have a place that is free; more only if a place is left over for the next live call, and, while live traffic
// comes (within a second, or has a place), only up to half of the places.
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "base/time.h"

namespace tidegate::policy {

struct BulkheadConfig {
  int max_concurrent = 10;  // >= 1
  int max_waiting = 100;    // >= 0
  Duration max_wait = 5s;   // >= 0
};

class Bulkhead;

// Move-only; dropping it gives the place to the next waiter, or back.
class Place {
 public:
  Place() = default;
  Place(Place&& other) noexcept;
  Place& operator=(Place&& other) noexcept;
  ~Place() { release(); }
  bool valid() const { return bulkhead_ != nullptr; }
  void release();

 private:
  friend class Bulkhead;
  friend class PlaceWaiter;
  explicit Place(Bulkhead* bulkhead, bool spare = false) : bulkhead_(bulkhead), spare_(spare) {}
  Bulkhead* bulkhead_ = nullptr;  // outlives the place
  bool spare_ = false;            // a job's
};

// A turn in the queue. Destroying it leaves the queue; a place granted but not taken goes to the next.
//
//   waiting ──granted (any thread)──▶ granted ──take()──▶ done
class PlaceWaiter {
 public:
  PlaceWaiter() = default;
  PlaceWaiter(const PlaceWaiter&) = delete;
  PlaceWaiter& operator=(const PlaceWaiter&) = delete;
  virtual ~PlaceWaiter();

  // The place, if it has been granted. On the waiter's own thread.
  std::optional<Place> take();
  // Leaves the queue; derived destructors call it. After it returns no granted() is running or will run.
  void leave();
  bool waiting() const;

  // Called once, on the thread that released a place and under the bulkhead's lock: it must only post to the waiter's
  // own loop (net::Runtime::post), never call back into the bulkhead.
  virtual void granted() = 0;

 private:
  friend class Bulkhead;
  Bulkhead* bulkhead_ = nullptr;
  std::list<PlaceWaiter*>::iterator position_;
  bool has_place_ = false;
};

class Bulkhead {
 public:
  Bulkhead(std::string name, const BulkheadConfig& config);

  std::optional<Place> acquire();  // a place now (only when nobody waits before), or none
  // For a job, by the rule above.
  std::optional<Place> acquire_spare(Time now);
  // Joins the queue; false: it is full. REQUIRES that the waiter is not in a queue.
  bool wait(PlaceWaiter& waiter);

  struct View {
    int in_use, waiting, limit;
  };
  View view() const;
  const std::string& name() const { return name_; }
  const BulkheadConfig& config() const { return config_; }

 private:
  friend class Place;
  friend class PlaceWaiter;
  void give_back(bool spare);

  std::string name_;
  BulkheadConfig config_;
  mutable std::mutex mutex_;
  int in_use_ = 0;        // jobs' too
  int spare_in_use_ = 0;  // jobs' alone
  uint64_t live_calls_ = 0;
  uint64_t live_calls_seen_ = 0;  // by acquire_spare(), when it last looked
  Time live_seen_at_{};
  std::list<PlaceWaiter*> waiters_;
};

}  // namespace tidegate::policy
