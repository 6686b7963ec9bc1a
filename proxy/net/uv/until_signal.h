// The end of a program of one loop: SIGTERM or SIGINT begins a graceful stop, bounded by a grace; a second one ends the
// process at once.
#pragma once

#include <functional>
#include <memory>

#include "net/uv/uv_runtime.h"

namespace tidegate::net {

// As long as it is held, a SIGHUP, which asks for a reload, is logged and changes nothing; without it the process would
// end.
[[nodiscard]] std::unique_ptr<Operation> refuse_reload(UvRuntime& runtime);

// Runs the loop until a signal has come and `drain` has called its argument, or `grace` is over.
void run_until_signal(UvRuntime& runtime, Duration grace, std::function<void(std::function<void()> done)> drain);

}  // namespace tidegate::net
