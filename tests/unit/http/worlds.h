// The same tests in two worlds: the kernel's network on libuv, and the simulator's.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "net/sim/sim_runtime.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::test {

// Turns until `ready`; false when it never comes.
struct SimWorld {
  static constexpr size_t kBeyondBuffers = 4'000'000;  // more bytes than the network holds

  net::SimRuntime loop{7};
  net::Runtime& runtime() { return loop; }
  bool run_until(const std::function<bool()>& ready) {
    for (int turns = 0; turns < 5'000'000; ++turns) {
      if (ready()) return true;
      if (!loop.run_one()) return ready();
    }
    return false;
  }
};

struct UvWorld {
  // More bytes than the kernel holds, whatever its buffers have grown to.
  static constexpr size_t kBeyondBuffers = 48'000'000;

  net::UvRuntime loop{7};
  net::Runtime& runtime() { return loop; }
  // A test that hangs would wait for ever: a ticking timer makes each wait end.
  bool run_until(const std::function<bool()>& ready) {
    net::Timer tick(loop, [] {});
    const Time give_up = loop.now() + 20s;
    while (!ready()) {
      if (loop.now() > give_up) return false;
      if (!tick.active()) tick.start_after(50ms);
      loop.run_once();
    }
    return true;
  }
};

inline SocketAddress any_port() { return *SocketAddress::parse("127.0.0.1:0"); }

}  // namespace tidegate::test
