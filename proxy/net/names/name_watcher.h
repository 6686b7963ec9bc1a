// Looks up the names of a process's upstreams, on one loop (the main loop): each when it is due, one look-up per name
// at a time, whatever the number of workers.
//
//   WatchedName on any worker ──wake──▶ posted ┐
//                                              ├──▶ drive: each name that is due ──▶ Runtime::resolve ──▶ looked_up
//   timer, at the earliest next_event_at ──────┘                                                └──▶ the observer
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "net/names/watched_name.h"
#include "net/timer.h"
#include "net/wake_up.h"

namespace tidegate::net {

// Receives every end of a look-up, on the watcher's loop, after the name has taken it.
using LookupObserver = std::function<void(const WatchedName& name, const Status& result)>;

class NameWatcher {
 public:
  // The runtime outlives the watcher and all names that it has made.
  explicit NameWatcher(Runtime& runtime);
  NameWatcher(const NameWatcher&) = delete;
  NameWatcher& operator=(const NameWatcher&) = delete;

  // A new name, looked up from now on for as long as it exists.
  std::shared_ptr<WatchedName> watch(const std::string& host, const NameConfig& config, LookupObserver observer);

 private:
  struct Watched {
    std::weak_ptr<WatchedName> name;
    LookupObserver observer;
    std::unique_ptr<Operation> lookup;
  };

  void drive();
  void begin_lookup(Watched& watched, const WatchedName& name);
  void on_looked_up(Watched& watched, const Result<std::vector<IpAddress>>& result);
  void set_timer();

  Runtime& runtime_;
  WakeUp wake_;
  std::list<Watched> names_;
  Timer timer_;
};

}  // namespace tidegate::net
