// The queues of RabbitMQ that one of Tidegate's queues is made of; all of them are durable quorum queues, reached by
// the default exchange.
//
//   publish ──▶ tidegate.NAME ──deliver──▶ claims ──bury──▶ tidegate.NAME.dead
//                  ▲                         │ retry, release: later
//                  └── dead-letter ── tidegate.NAME.delay.1s, .2s, .4s … .4096s
//                       exchange           (TTL; made when first needed)
//
// A delay queue has one TTL for all of its messages: TTLs of single messages would wait for the one at the head. A wait
// takes the largest rung that is not longer than it, and what is left again when it comes back: never early, and no
// longer than it should be. The last second is waited in hand.
#pragma once

#include <string>

#include "base/time.h"

namespace tidegate::jobs {

inline std::string work_queue(const std::string& name) { return "tidegate." + name; }
inline std::string dead_queue(const std::string& name) { return "tidegate." + name + ".dead"; }

constexpr int64_t kRungMax_s = 4096;
constexpr Duration kRungMin = std::chrono::seconds(1);

// REQUIRES wait >= kRungMin.
constexpr int64_t rung_s(Duration wait) {
  int64_t rung = 1;
  while (rung < kRungMax_s && std::chrono::seconds(2 * rung) <= wait) rung *= 2;
  return rung;
}
inline std::string delay_queue(const std::string& name, int64_t rung) {
  return "tidegate." + name + ".delay." + std::to_string(rung) + "s";
}

}  // namespace tidegate::jobs
