#include "core/exchange/slow_client.h"

#include <utility>

namespace tidegate::core {

SlowClient::SlowClient(net::Runtime& runtime, const config::ListenerLimits& limits, std::function<Progress()> progress,
                       std::function<void()> too_slow)
    : min_rate_(limits.min_rate),
      grace_(limits.min_rate_grace),
      progress_(std::move(progress)),
      too_slow_(std::move(too_slow)),
      last_(progress_()),
      timer_(runtime, [this] { look(); }) {
  if (min_rate_ > 0) timer_.start_after(grace_);
}

void SlowClient::look() {
  const Progress now = progress_();
  const Duration waited = now.waited - last_.waited;
  const double moved = static_cast<double>(now.bytes) - static_cast<double>(last_.bytes);
  if (now.is_behind && 2 * waited >= grace_ && moved < static_cast<double>(min_rate_) * to_seconds(waited)) {
    const auto too_slow = too_slow_;
    return too_slow();  // may destroy this
  }
  last_ = now;
  timer_.start_after(grace_);
}

}  // namespace tidegate::core
