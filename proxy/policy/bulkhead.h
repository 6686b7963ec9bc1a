// The bulkhead: at most max_concurrent calls at once, at most max_waiting waiting for a slot, first come first served.
// The bound on the waiting time is the caller's timer. Pure but for one thing: a released slot is granted to the next
// waiter. Thread-safe (one small lock).
//
// Replayed jobs only ever acquire_spare(): live traffic goes first. It gives nothing while somebody waits. One job at a
// time may have a slot that is free; more only if a slot is left over for the next live call, and, while live traffic
// comes (within a second, or has a slot), only up to half of the slots.
//
// A reload reconfigures it, so that the bound holds over the calls of both configurations: a limit below what is in use
// drains down, one that has grown serves who waits.
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
  friend bool operator==(const BulkheadConfig&, const BulkheadConfig&) = default;
};

class Bulkhead;

// Move-only; dropping it gives the slot to the next waiter, or back.
class Slot {
 public:
  Slot() = default;
  Slot(Slot&& other) noexcept;
  Slot& operator=(Slot&& other) noexcept;
  ~Slot() { release(); }
  bool valid() const { return bulkhead_ != nullptr; }
  // The call goes on as a tunnel, for as long as its two sides like. REQUIRES that it is no job's.
  void hold_for_tunnel();
  void release();

 private:
  friend class Bulkhead;
  friend class SlotWaiter;
  enum class Use : uint8_t { live, job, tunnel };
  explicit Slot(Bulkhead* bulkhead, Use use = Use::live) : bulkhead_(bulkhead), use_(use) {}
  Bulkhead* bulkhead_ = nullptr;  // outlives the slot
  Use use_ = Use::live;
};

// A position in the queue. Destroying it leaves the queue; a slot granted but not taken goes to the next.
//
//   waiting ──granted (any thread)──▶ granted ──take()──▶ done
class SlotWaiter {
 public:
  SlotWaiter() = default;
  SlotWaiter(const SlotWaiter&) = delete;
  SlotWaiter& operator=(const SlotWaiter&) = delete;
  virtual ~SlotWaiter();

  // The slot, if it has been granted. On the waiter's own thread.
  std::optional<Slot> take();
  // Leaves the queue; derived destructors call it. After it returns no granted() is running or will run.
  void leave();
  bool waiting() const;

  // Called once, on the thread that released a slot and under the bulkhead's lock: it must only post to the waiter's
  // own loop (net::Runtime::post), never call back into the bulkhead.
  virtual void granted() = 0;

 private:
  friend class Bulkhead;
  Bulkhead* bulkhead_ = nullptr;
  std::list<SlotWaiter*>::iterator position_;
  bool has_slot_ = false;
};

class Bulkhead {
 public:
  Bulkhead(std::string name, const BulkheadConfig& config);

  std::optional<Slot> acquire();  // a slot now (only when nobody waits before), or none
  // For a job, by the rule above.
  std::optional<Slot> acquire_spare(Time now);
  // Joins the queue; false: it is full. REQUIRES that the waiter is not in a queue.
  bool wait(SlotWaiter& waiter);

  void reconfigure(const BulkheadConfig& config);

  struct View {
    int in_use, waiting, limit;
    int tunnels;  // of those in use
    std::string text() const;
  };
  View view() const;
  const std::string& name() const { return name_; }
  BulkheadConfig config() const;

 private:
  friend class Slot;
  friend class SlotWaiter;
  void give_back(Slot::Use use);
  void grant_free_slots();

  const std::string name_;
  BulkheadConfig config_;
  mutable std::mutex mutex_;
  int in_use_ = 0;        // jobs' too
  int spare_in_use_ = 0;  // jobs' alone
  int tunnels_ = 0;       // tunnels' alone
  uint64_t live_calls_ = 0;
  uint64_t live_calls_seen_ = 0;  // by acquire_spare(), when it last looked
  Time live_seen_at_{};
  std::list<SlotWaiter*> waiters_;
};

}  // namespace tidegate::policy
