// What ends an operation inside its own callback.
#pragma once

#include <utility>

namespace tidegate::net {

// The first line of an operation's callback, where `handle` is the member that holds the operation (runtime.h):
//
//   const auto finished = net::finished(step_);
//
// The handle is empty from here on, so that the callback may begin the next operation in it; the finished one, which
// owns the callback that runs, is destroyed when the callback returns.
template <typename Handle>
[[nodiscard]] Handle finished(Handle& handle) {
  return std::exchange(handle, nullptr);
}

}  // namespace tidegate::net
