// Frees on a thread what is thousands of small objects, one such heap at a time.
#pragma once

#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace tidegate::cli {

class Freeing {
 public:
  Freeing() = default;
  ~Freeing() { wait(); }
  Freeing(const Freeing&) = delete;
  Freeing& operator=(const Freeing&) = delete;

  // REQUIRES that nobody else holds it. Waits for the one before.
  void free(std::shared_ptr<void> heap) {
    wait();
    try {
      thread_ = std::thread([heap = std::move(heap)]() mutable { heap.reset(); });
    } catch (const std::system_error&) {  // none to be had: it is freed here
    }
  }

 private:
  void wait() {
    if (thread_.joinable()) thread_.join();
  }

  std::thread thread_;
};

}  // namespace tidegate::cli
