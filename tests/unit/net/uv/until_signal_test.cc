// The signals of a program of one loop.
#include "net/uv/until_signal.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "net/timer.h"

using namespace tidegate;

TEST_CASE("A program logs a SIGHUP, goes on, and drains at SIGTERM") {
  net::UvRuntime runtime;
  const auto on_hangup = net::refuse_reload(runtime);
  int refused = 0;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("reload_not_supported") == line.npos) return;
    ++refused;
    ::kill(::getpid(), SIGTERM);
  });
  net::Timer begin(runtime, [] { ::kill(::getpid(), SIGHUP); });
  begin.start_after(0ms);
  int drained = 0;
  net::run_until_signal(runtime, 24h, [&](const auto& done) {
    ++drained;
    done();
  });
  CHECK(refused == 1);
  CHECK(drained == 1);
  log_set_sink({});
}
