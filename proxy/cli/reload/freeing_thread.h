// Frees what takes too long for a loop, as thousands of small objects do: each time on a thread.
#pragma once

#include <memory>
#include <thread>

namespace tidegate::cli {

class FreeingThread {
 public:
  FreeingThread() = default;
  ~FreeingThread() { join(); }  // waits for it
  FreeingThread(const FreeingThread&) = delete;
  FreeingThread& operator=(const FreeingThread&) = delete;

  // REQUIRES that it is the last owner. Waits for what it was given before.
  void free(std::shared_ptr<void> garbage);

 private:
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  std::thread thread_;
};

}  // namespace tidegate::cli
