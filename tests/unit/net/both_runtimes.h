// The same tests on both runtimes: libuv with the kernel's network, and the simulator's.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "net/sim/sim_runtime.h"
#include "net/uv/uv_runtime.h"

#define TEST_ON_BOTH_RUNTIMES(name) TEST_CASE_TEMPLATE(name, Loop, ::tidegate::test::SimLoop, ::tidegate::test::UvLoop)
// What holds for each Stream: plain ones, and those over TLS.
#define TEST_ON_EVERY_STREAM(name)                                                    \
  TEST_CASE_TEMPLATE(name, Loop, ::tidegate::test::SimLoop, ::tidegate::test::UvLoop, \
                     ::tidegate::test::TlsOn<::tidegate::test::SimLoop>,              \
                     ::tidegate::test::TlsOn<::tidegate::test::UvLoop>)

namespace tidegate::test {

// Runs until `ready`; false when that never happens.
struct SimLoop {
  static constexpr bool kTls = false;
  static constexpr size_t kBeyondBuffers = 4'000'000;  // more bytes than the network holds

  net::SimRuntime impl{7};
  net::Runtime& runtime() { return impl; }
  bool run_until(const std::function<bool()>& ready) {
    for (int iterations = 0; iterations < 5'000'000; ++iterations) {
      if (ready()) return true;
      if (!impl.run_one()) return ready();
    }
    return false;
  }
};

struct UvLoop {
  static constexpr bool kTls = false;
  // More bytes than the kernel holds, whatever its buffers have grown to.
  static constexpr size_t kBeyondBuffers = 48'000'000;

  net::UvRuntime impl{7};
  net::Runtime& runtime() { return impl; }
  // A test that hangs would wait for ever: a ticking timer makes each wait end.
  bool run_until(const std::function<bool()>& ready) {
    net::Timer tick(impl, [] {});
    const Time give_up = impl.now() + 20s;
    while (!ready()) {
      if (impl.now() > give_up) return false;
      if (!tick.active()) tick.start_after(50ms);
      impl.run_once();
    }
    return true;
  }
};

template <typename Plain>
struct TlsOn : Plain {
  static constexpr bool kTls = true;
};

inline SocketAddress any_port() { return *SocketAddress::parse("127.0.0.1:0"); }

}  // namespace tidegate::test
