// The work for one key, however many uploads wait for it: single flight. The first upload's picture does the work; the
// others bring none that is kept.
//
//   looking up ─unknown, failed─▶ storing the original ─▶ asking Tidegate ─┬─200▶ storing the result ─▶ over: the picture
//       │ done, under way, unavailable                                     ├─202▶ storing the job ────▶ over: 202
//       └──────────────────────────▶ over                                  └─ any other ──────────────▶ over: passed on
//
// When the last of those who wait has gone, so has the flight, and the original that it stored; but after a 200 or 202
// it stores for nobody what has been made or promised. A refusal (4xx, but for 408, 425 and 429) leaves nothing either.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "api/lookup.h"
#include "api/upload/originals.h"
#include "api/upload/room.h"
#include "net/timer.h"

namespace tidegate::api {

struct Upload {
  std::string key;
  std::string text;
  std::string position;
  std::string client_ip;
  std::shared_ptr<Object> image;
  Room room;  // the image's
};

class Flights {
 public:
  using Callback = std::function<void(const Reply&)>;

  // `presign_ttl`: how long Tidegate may fetch an original of a job.
  Flights(Backend backend, Duration presign_ttl);
  // REQUIRES that every seat is gone.
  ~Flights();

  // A seat in the flight of that key, a new one where there is none. The callback runs later, once. Destroying the
  // operation is leaving.
  [[nodiscard]] std::unique_ptr<net::Operation> join(Upload upload, Callback done);

  bool has(const std::string& key) const { return flights_.count(key) > 0; }
  size_t size() const { return flights_.size(); }
  size_t seats() const { return seats_; }  // those who wait, in all flights
  size_t leaving() const { return originals_.leaving(); }

  // Of the end: calls back later, once, when no flight is left, and nothing that was stored in vain.
  void settle(std::function<void()> done);

 private:
  class Flight;
  class Seat;

  void land(const std::string& key, const Reply& reply);
  void look_whether_settled();

  Backend backend_;
  const Duration presign_ttl_;
  net::Timer settled_timer_;
  std::function<void()> settled_;
  Originals originals_;
  size_t seats_ = 0;
  std::map<std::string, std::unique_ptr<Flight>> flights_;  // first to go: they have claims
};

// 202 {"job_id","key","status_url"}.
Reply accepted_reply(const std::string& key, const std::string& job_id, std::string_view retry_after);

}  // namespace tidegate::api
