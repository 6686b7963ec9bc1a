// Calls that wait until it is known who does them.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "jobs/job_queue.h"

namespace tidegate::jobs {

// Thread-safe; outlives the operations that it gives out.
class HeldCalls {
 public:
  // How long a call waits at most.
  static constexpr Duration kHeldMax = std::chrono::seconds(10);

  // After release() `start` begins the call on `home`; after kHeldMax `refuse` does, which makes it fail. Destroying
  // the operation cancels the call, begun or not.
  OperationPtr hold(net::Runtime& home, std::function<OperationPtr()> start, std::function<OperationPtr()> refuse);
  void release();

 private:
  struct Call;
  class Handle;

  std::mutex mutex_;
  std::list<std::shared_ptr<Call>> waiting_;
};

}  // namespace tidegate::jobs
