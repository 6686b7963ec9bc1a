// Single flight: uploads of the same key share one piece of work. The picture of the first upload does the work; those
// of the others are dropped.
//
//   looking up ──unknown, failed──▶ storing the original ──▶ sent to Tidegate ─┬─ 200 ─▶ storing the result ─▶ completed
//       │                                                                      ├─ 202 ─▶ storing the job ────▶ completed
//       └─ done, pending, unavailable ─▶ completed                             └─ other ─────────────────────▶ completed
//
// A flight whose last waiter leaves is cancelled, and the original that it stored is removed; after a 200 or 202,
// however, it still stores the result or the job. A refusal (4xx except 408, 425 and 429) leaves nothing in the store.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "api/lookup/lookup.h"
#include "api/picture/memory_budget.h"
#include "api/upload/originals.h"
#include "net/timer.h"

namespace tidegate::api {

struct Upload {
  std::string key;
  std::string text;
  std::string position;
  std::string client_ip;
  std::shared_ptr<Object> image;
  MemoryReservation reservation;  // of the image
};

class Flights {
 public:
  using Callback = std::function<void(const Reply&)>;

  // `presign_ttl`: how long Tidegate may fetch the original of a job.
  Flights(Backend backend, Duration presign_ttl);
  // REQUIRES that every waiter is gone.
  ~Flights();

  // Waits for the key's flight, and begins one if there is none. The callback runs later, once. Destroying the
  // operation leaves the flight.
  [[nodiscard]] std::unique_ptr<net::Operation> join(Upload upload, Callback done);

  bool has(const std::string& key) const { return flights_.count(key) > 0; }
  size_t size() const { return flights_.size(); }
  size_t waiters() const { return waiters_; }  // in all flights
  size_t removals() const { return originals_.removals(); }

  // For the shutdown: calls back later, once, when no flight is left and no original remains to be removed.
  void settle(std::function<void()> done);

 private:
  class Flight;
  class Waiter;

  void complete(const std::string& key, const Reply& reply);
  void check_settled();

  Backend backend_;
  const Duration presign_ttl_;
  net::Timer settled_timer_;
  std::function<void()> settled_;
  Originals originals_;
  size_t waiters_ = 0;
  std::map<std::string, std::unique_ptr<Flight>> flights_;  // destroyed before originals_: flights have claims
};

// 202 {"job_id","key","status_url"}.
Reply accepted_reply(const std::string& key, const std::string& job_id, std::string_view retry_after);

}  // namespace tidegate::api
