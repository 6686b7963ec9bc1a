// Who in this process waits for a job's end, and is told when it has come. The replayer and the jobs interface tell;
// what another process does to a job is not heard of here: a waiter asks the store as well (core/jobs/job_wait.h).
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

  // `heard` runs on `home`, later, whenever there is news of the job. Null: kListenersMax listen already.
  [[nodiscard]] std::unique_ptr<net::Operation> listen(net::Runtime& home, const std::string& id,
                                                       std::function<void()> heard);
  void tell(const std::string& id);
  void notify_all();

 private:
  class Listener;
  using Listeners = std::multimap<std::string, Listener*>;

  std::mutex mutex_;
  Listeners listeners_;
};

}  // namespace tidegate::core
