// Notifies the requests of this process that wait for the end of a job. The replayer and the jobs interface notify.
// What another process does to a job causes no event here, so a waiter queries the store as well
// (core/jobs/job_wait.h).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "net/runtime.h"

namespace tidegate::core {

// Thread-safe. Outlives what listen() has given out.
class JobEvents {
 public:
  static constexpr size_t kListenersMax = 1000;

  // `on_event` runs on `home`, later, whenever something has happened to the job. Null: kListenersMax listen already.
  [[nodiscard]] std::unique_ptr<net::Operation> listen(net::Runtime& home, const std::string& id,
                                                       std::function<void()> on_event);
  void notify(const std::string& id);
  void notify_all();

 private:
  class Listener;
  using Listeners = std::multimap<std::string, Listener*>;

  std::mutex mutex_;
  Listeners listeners_;
};

}  // namespace tidegate::core
