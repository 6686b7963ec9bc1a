// What takes too long for a loop: it runs on a thread of its own, one at a time, and what follows runs on the loop.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/time.h"
#include "net/runtime.h"

namespace tidegate::cli {

class Background {
 public:
  using Then = std::function<void()>;

  // On the loop's thread, as all that follows. The runtime outlives it.
  explicit Background(net::Runtime& runtime) : runtime_(runtime), link_(std::make_shared<Background*>(this)) {}
  ~Background();  // waits for the work; what would follow does not
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Runs `work` on a thread, then on the loop what it returns, or `failed` where it throws or there is no thread.
  // REQUIRES that what followed the work before has begun.
  void run(std::function<Then()> work, std::function<void(const std::string& why)> failed);
  // Waits for the work, at most so long; false: it hangs.
  bool ends_within(Duration at_most) const;

 private:
  void deliver(Then then);  // any thread

  net::Runtime& runtime_;
  std::thread thread_;
  std::future<void> ended_;                  // the work
  const std::shared_ptr<Background*> link_;  // null inside once this has ended; what is posted holds it
};

}  // namespace tidegate::cli
