#include "cli/reload/freeing_thread.h"

#include <system_error>
#include <utility>

namespace tidegate::cli {

void FreeingThread::free(std::shared_ptr<void> garbage) {
  join();
  std::promise<void> ended;
  ended_ = ended.get_future();
  try {
    thread_ = std::thread([garbage = std::move(garbage), ended = std::move(ended)]() mutable {
      garbage.reset();
      ended.set_value();
    });
  } catch (const std::system_error&) {  // none to be had: it is freed here
  }
}

bool FreeingThread::ends_within(Duration at_most) const {
  return !thread_.joinable() || ended_.wait_for(at_most) == std::future_status::ready;
}

}  // namespace tidegate::cli
