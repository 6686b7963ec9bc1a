#include "cli/reload/freeing_thread.h"

#include <system_error>
#include <utility>

namespace tidegate::cli {

void FreeingThread::free(std::shared_ptr<void> garbage) {
  join();
  try {
    thread_ = std::thread([garbage = std::move(garbage)]() mutable { garbage.reset(); });
  } catch (const std::system_error&) {  // none to be had: it is freed here
  }
}

}  // namespace tidegate::cli
