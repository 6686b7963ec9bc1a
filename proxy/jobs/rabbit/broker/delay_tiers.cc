#include "jobs/rabbit/broker/delay_tiers.h"

#include "jobs/rabbit/broker/topology.h"
#include "net/clock.h"

namespace tidegate::jobs {

std::optional<std::string> DelayTiers::queue_for(Duration wait) {
  const Time now = net::read_monotonic_clock();
  const int64_t tier_s = delay_tier_s(wait);
  const std::string queue = delay_queue(name_, tier_s);
  const auto [tier, added] = usable_at_.try_emplace(tier_s, now + settle_);
  if (added) session_.connection->declare(queue, tier_s * 1000, work_queue(name_));
  if (now < tier->second) return std::nullopt;
  return queue;
}

}  // namespace tidegate::jobs
