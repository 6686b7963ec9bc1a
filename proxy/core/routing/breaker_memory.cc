#include "core/routing/breaker_memory.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace tidegate::core {

using Json = nlohmann::json;

constexpr int kFailedProbesMax = 1000;  // more double nothing any more

std::optional<policy::RememberedOpen> BreakerMemory::recall(const std::string& key, WallTime now) {
  if (!store_) return std::nullopt;
  const auto found = store_->notes().find(key);
  if (found == store_->notes().end()) return std::nullopt;
  noted_[key] = found->second;
  try {
    const Json note = Json::parse(found->second);
    const WallTime until{Duration(note.at("open_until_ns").get<int64_t>())};
    const auto why = note.at("why").get<std::string>();
    const auto ns = [](WallTime time) { return time.time_since_epoch().count(); };
    const WallTime outage_since{Duration(note.value("outage_since_ns", ns(now)))};  // absent: an older version's note
    return policy::RememberedOpen{std::max(until, now) - now,
                                  std::clamp(note.at("failed_probes").get<int>(), 0, kFailedProbesMax), why,
                                  now - std::min(outage_since, now), note.value("cause", why)};
  } catch (const Json::exception&) {
    return std::nullopt;  // another version's: the breaker begins closed
  }
}

void BreakerMemory::move_to(jobs::NoteStore* store) {
  if (store == store_) return;
  jobs::NoteStore* const before = std::exchange(store_, store);
  for (const auto& [key, text] : noted_) {
    if (store_) store_->write_note(key, text);
    if (before) before->write_note(key, "");
  }
}

void BreakerMemory::write(const std::string& key, const std::string& text) {
  if (text.empty()) noted_.erase(key);
  else noted_[key] = text;
  if (store_) store_->write_note(key, text);
}

void BreakerMemory::erase(const std::string& key) { write(key, ""); }

void BreakerMemory::note(const std::string& key, const policy::Transition& transition, WallTime at) {
  if (transition.to == policy::BreakerState::half_open) return;
  if (transition.to != policy::BreakerState::open) return erase(key);
  const policy::Outage& outage = *transition.outage;
  const WallTime outage_since = at - (transition.at - outage.since);
  const Json note = {{"open_until_ns", (at + transition.open_for).time_since_epoch().count()},
                     {"failed_probes", transition.failed_probes},
                     {"why", transition.detail},
                     {"outage_since_ns", outage_since.time_since_epoch().count()},
                     {"cause", outage.cause}};
  write(key, note.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace tidegate::core
