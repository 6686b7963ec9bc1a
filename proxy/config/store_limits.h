// The largest body that each store of jobs takes: known here, so that a route with a larger max_body is refused.
#pragma once

#include <cstdint>
#include <limits>
#include <variant>

#include "config/config.h"

namespace tidegate::config {

inline constexpr uint64_t kRedisBodyMax = 2'000'000'000;
inline constexpr uint64_t kRabbitBodyMax = 512ull << 20;  // RabbitMQ's own bound on a message

// SQLite, in which bodies are chunks, has no bound but max_bytes.
constexpr uint64_t stored_body_max(const Queue& queue) {
  if (std::holds_alternative<redis::Address>(queue.url)) return kRedisBodyMax;
  return std::holds_alternative<AmqpUrl>(queue.url) ? kRabbitBodyMax : std::numeric_limits<uint64_t>::max();
}

}  // namespace tidegate::config
