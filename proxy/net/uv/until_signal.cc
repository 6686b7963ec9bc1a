#include "net/uv/until_signal.h"

#include <csignal>
#include <cstdlib>

#include "base/log.h"
#include "base/log/output.h"
#include "net/timer.h"

namespace tidegate::net {

std::unique_ptr<Operation> refuse_reload(UvRuntime& runtime) {
  return runtime.watch_signal(SIGHUP, [] {
    log_warn("reload_not_supported",
             {{"signal", "SIGHUP"}, {"reason", "restart the program to load a changed configuration"}});
  });
}

void run_until_signal(UvRuntime& runtime, Duration grace, std::function<void(std::function<void()> done)> drain) {
  Timer grace_timer(runtime, [&] {
    log_warn("shutdown_grace_expired", {{"grace_s", to_seconds(grace)}});
    runtime.stop();
  });
  bool draining = false;
  const auto on_signal = [&] {
    if (draining) {
      log_flush();
      std::_Exit(EXIT_FAILURE);
    }
    draining = true;
    log_info("draining", {{"grace_s", to_seconds(grace)}});
    grace_timer.start_after(grace);
    drain([&] { runtime.stop(); });
  };
  const auto on_term = runtime.watch_signal(SIGTERM, on_signal);
  const auto on_interrupt = runtime.watch_signal(SIGINT, on_signal);
  runtime.run();
}

}  // namespace tidegate::net
