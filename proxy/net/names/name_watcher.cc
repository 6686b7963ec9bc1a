#include "net/names/name_watcher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/finished.h"

namespace tidegate::net {

NameWatcher::NameWatcher(Runtime& runtime)
    : runtime_(runtime), wake_(runtime, [this] { drive(); }), timer_(runtime, [this] { drive(); }) {}

std::shared_ptr<WatchedName> NameWatcher::watch(const std::string& host, const NameConfig& config,
                                                LookupObserver observer) {
  auto name = std::make_shared<WatchedName>(host, config, runtime_.now());
  name->on_wake(wake_.caller());
  begin_lookup(names_.emplace_back(Watched{name, std::move(observer), nullptr}), *name);
  return name;
}

void NameWatcher::drive() {
  std::erase_if(names_, [](const Watched& watched) { return watched.name.expired(); });
  for (Watched& watched : names_) {
    const auto name = watched.name.lock();
    if (name && name->advance(runtime_.now())) begin_lookup(watched, *name);
  }
  set_timer();
}

void NameWatcher::begin_lookup(Watched& watched, const WatchedName& name) {
  watched.lookup =
      runtime_.resolve(name.host(), [this, &watched](const auto& result) { on_looked_up(watched, result); });
}

void NameWatcher::on_looked_up(Watched& watched, const Result<std::vector<IpAddress>>& result) {
  const auto finished = net::finished(watched.lookup);
  if (const auto name = watched.name.lock()) {
    name->looked_up(result, runtime_.now());
    watched.observer(*name, result ? Status(Ok{}) : Status(result.error()));
  }
  drive();
}

void NameWatcher::set_timer() {
  std::optional<Time> next;
  for (const Watched& watched : names_) {
    const auto name = watched.name.lock();
    const auto due = name ? name->next_event_at() : std::nullopt;
    if (due) next = std::min(next.value_or(*due), *due);
  }
  next ? timer_.start_at(*next) : timer_.stop();
}

}  // namespace tidegate::net
