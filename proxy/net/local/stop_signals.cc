#include "net/local/stop_signals.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/assert.h"

namespace tidegate::net {

namespace {

constexpr std::array<int, 2> kSignals = {SIGTERM, SIGINT};

std::atomic<int> stop_signal{0};
std::atomic<int> stop_descriptor{-1};
std::array<struct sigaction, kSignals.size()> actions_before;

// On any thread, inside whatever it does.
void note_stop_signal(int number) {
  const int error = errno;
  stop_signal = number;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_descriptor, &one, sizeof(one));
  errno = error;
}

}  // namespace

StopSignals::StopSignals() : told_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  TG_ASSERT(stop_descriptor == -1);
  stop_signal = 0;
  stop_descriptor = told_.number();
  struct sigaction action {};
  action.sa_handler = note_stop_signal;
  action.sa_flags = SA_RESTART;  // but poll, which watches the descriptor
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &action, &actions_before[i]);
}

void StopSignals::end() {
  if (std::exchange(ended_, true)) return;
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &actions_before[i], nullptr);
  stop_descriptor = -1;
}

const char* StopSignals::came() const {
  switch (stop_signal) {
    case SIGTERM: return "SIGTERM";
    case SIGINT: return "SIGINT";
    default: return "";
  }
}

}  // namespace tidegate::net
