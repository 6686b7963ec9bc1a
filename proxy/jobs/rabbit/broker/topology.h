// The RabbitMQ queues that make up one queue of Tidegate. All of them are durable quorum queues and are reached through
// the default exchange.
//
//   publish ──▶ tidegate.NAME ──deliver──▶ claim ──dead-letter──▶ tidegate.NAME.dead
//                  ▲                         │ retry, release: later
//                  └── TTL expired ──── tidegate.NAME.delay.1s, .2s, .4s … .4096s
//                                            (declared when first needed)
//
// A delay tier has one TTL for all of its messages: RabbitMQ expires messages at the head of a queue only, so a short
// TTL behind a long one would wait for it. A wait takes the longest tier that does not exceed it, and what remains when
// the message comes back takes the next one: a job never runs early. The last second is waited in this process.
#pragma once

#include <string>

#include "base/time.h"

namespace tidegate::jobs {

inline std::string work_queue(const std::string& name) { return "tidegate." + name; }
inline std::string dead_queue(const std::string& name) { return "tidegate." + name + ".dead"; }

constexpr int64_t kDelayTierMax_s = 4096;
constexpr Duration kDelayTierMin = std::chrono::seconds(1);

// REQUIRES wait >= kDelayTierMin.
constexpr int64_t delay_tier_s(Duration wait) {
  int64_t tier_s = 1;
  while (tier_s < kDelayTierMax_s && std::chrono::seconds(2 * tier_s) <= wait) tier_s *= 2;
  return tier_s;
}
inline std::string delay_queue(const std::string& name, int64_t tier_s) {
  return "tidegate." + name + ".delay." + std::to_string(tier_s) + "s";
}

}  // namespace tidegate::jobs
