#include "core/routing/breaker_memory.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace tidegate::core {

using Json = nlohmann::json;

constexpr int kFailedProbesMax = 1000;  // more double nothing any more

namespace {

struct Note {
  WallTime until;
  policy::RememberedOpen open;
};

std::optional<Note> read_note(const std::string& text, WallTime now) {
  try {
    const Json note = Json::parse(text);
    const WallTime until{Duration(note.at("open_until_ns").get<int64_t>())};
    const auto why = note.at("why").get<std::string>();
    const auto ns = [](WallTime time) { return time.time_since_epoch().count(); };
    const WallTime outage_since{Duration(note.value("outage_since_ns", ns(now)))};  // absent: an older version's note
    const int failed_probes = std::clamp(note.at("failed_probes").get<int>(), 0, kFailedProbesMax);
    return Note{until, policy::RememberedOpen{std::max(until, now) - now, failed_probes, why,
                                              now - std::min(outage_since, now), note.value("cause", why)}};
  } catch (const Json::exception&) {
    return std::nullopt;  // another version's: the breaker begins closed
  }
}

}  // namespace

BreakerMemory::Stores note_stores_of(const std::map<std::string, std::shared_ptr<jobs::JobQueue>>& queues) {
  BreakerMemory::Stores usable, others;
  for (const auto& [name, queue] : queues) {
    jobs::NoteStore* const store = queue->note_store();
    const jobs::QueueView view = queue->view();
    if (store) (view.available && view.spool_unavailable.empty() ? usable : others).push_back(store);
  }
  usable.insert(usable.end(), others.begin(), others.end());
  return usable;
}

// Where a process ended while notes moved, two stores have one: the later is true.
std::optional<policy::RememberedOpen> BreakerMemory::recall(const std::string& key, WallTime now) {
  std::optional<Note> latest;
  const jobs::NoteStore* from = nullptr;
  for (const jobs::NoteStore* store : stores_) {
    const auto found = store->notes().find(key);
    if (found == store->notes().end()) continue;
    std::optional<Note> note = read_note(found->second, now);
    if (!note || (latest && note->until <= latest->until)) continue;
    latest = std::move(note);
    noted_[key] = found->second;
    from = store;
  }
  // That queue may be removed before this one.
  if (latest && store_ && from != store_) store_->write_note(key, noted_[key]);
  return latest ? std::optional(latest->open) : std::nullopt;
}

void BreakerMemory::use(Stores stores, const std::shared_ptr<const void>& use_of_before) {
  stores_ = std::move(stores);
  if (std::find(stores_.begin(), stores_.end(), store_) != stores_.end()) return;
  jobs::NoteStore* const before = std::exchange(store_, stores_.empty() ? nullptr : stores_.front());
  for (const auto& [key, text] : noted_) {
    const auto erase = [before, key, use_of_before] {
      if (before) before->write_note(key, "");
    };
    if (store_) store_->write_note(key, text, erase);
    else erase();
  }
}

void BreakerMemory::write(const std::string& key, const std::string& text) {
  if (text.empty()) noted_.erase(key);
  else noted_[key] = text;
  if (store_) store_->write_note(key, text);
}

void BreakerMemory::erase(const std::string& key) {
  write(key, "");
  for (jobs::NoteStore* store : stores_) {
    if (store != store_ && store->notes().contains(key)) store->write_note(key, "");
  }
}

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
