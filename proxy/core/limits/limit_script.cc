#include "core/limits/limit_script.h"

#include <fmt/format.h>

#include "base/embedded_file.h"

namespace tidegate::core {

std::span<const EmbeddedFile> limit_script_files();  // core/limits/scripts, embedded by CMake

namespace {

using policy::RateAlgorithm;

int64_t microseconds(Duration duration) { return std::chrono::ceil<std::chrono::microseconds>(duration).count(); }

}  // namespace

const redis::Script& limit_script(RateAlgorithm algorithm) {
  static const redis::Script bucket(std::string(embedded_file(limit_script_files(), "token_bucket.lua")));
  static const redis::Script window(std::string(embedded_file(limit_script_files(), "sliding_window.lua")));
  return algorithm == RateAlgorithm::sliding_window ? window : bucket;
}

std::vector<std::string> limit_arguments(const policy::RateLimitConfig& limit, std::string member) {
  if (limit.algorithm == RateAlgorithm::sliding_window)
    return {std::to_string(microseconds(limit.window)), std::to_string(limit.count), std::move(member)};
  return {fmt::format("{:.17g}", limit.rate_per_s), fmt::format("{:.17g}", limit.burst)};
}

Result<policy::RateDecision> read_limit_reply(const redis::Reply& reply) {
  if (reply.is_error()) return Error{ErrorCode::unavailable, "the server replied: " + reply.text};
  bool fits = reply.kind == redis::Reply::Kind::array && reply.items.size() == 4;
  for (const redis::Reply& item : reply.items) fits = fits && item.kind == redis::Reply::Kind::integer;
  if (!fits) return Error{ErrorCode::invalid, "not a reply of the rate-limit script"};
  policy::RateDecision decision;
  decision.allowed = reply.items[0].integer == 1;
  decision.remaining = static_cast<double>(reply.items[1].integer);
  decision.retry_after = std::chrono::microseconds(reply.items[2].integer);
  decision.reset_after = std::chrono::microseconds(reply.items[3].integer);
  return decision;
}

}  // namespace tidegate::core
