// Watches the socket of a library that does its own reading and writing (libcurl). The descriptor stays the library's.
#pragma once

#include <functional>
#include <memory>

#include "net/uv/uv_runtime.h"

namespace tidegate::net {

// Destroying it guarantees silence, also within its own callback; the descriptor may be closed right afterwards.
class FdWatch {
 public:
  static constexpr int kReadable = 1;
  static constexpr int kWritable = 2;

  virtual ~FdWatch() = default;
  // Which of the two to report from now on; level-triggered: as long as it is so, not only once.
  virtual void want(int events) = 0;
};

// `on_ready` is given what has come true: kReadable, kWritable or both; both where the descriptor cannot be watched
// (the library finds out why). REQUIRES an open, non-blocking socket that nothing else watches on this runtime, which
// outlives the watch.
[[nodiscard]] std::unique_ptr<FdWatch> watch_fd(UvRuntime& runtime, int descriptor,
                                                std::function<void(int events)> on_ready);

}  // namespace tidegate::net
