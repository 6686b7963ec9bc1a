// Frees what takes too long for a loop, as thousands of small objects do: each time on a thread.
#pragma once

#include <future>
#include <memory>
#include <thread>

#include "base/time.h"

namespace tidegate::cli {

class FreeingThread {
 public:
  FreeingThread() = default;
  ~FreeingThread() { join(); }  // waits for it
  FreeingThread(const FreeingThread&) = delete;
  FreeingThread& operator=(const FreeingThread&) = delete;

  // REQUIRES that it is the last owner. Waits for what it was given before.
  void free(std::shared_ptr<void> garbage);
  // Waits for what it was given, at most so long; false: that hangs, as the end of a store on a disk can.
  bool ends_within(Duration at_most) const;

 private:
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  std::thread thread_;
  std::future<void> ended_;
};

}  // namespace tidegate::cli
