// The Runtime on libuv. One per thread.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "net/runtime.h"

namespace tidegate::net {

class ListeningSockets;
class LookupThreads;

class UvRuntime final : public Runtime {
 public:
  // `seed` feeds random(); random_id() reads from the kernel. `lookups` outlives the runtime.
  UvRuntime(uint64_t seed, LookupThreads& lookups);
  explicit UvRuntime(uint64_t seed);  // with the process's look-ups
  UvRuntime();                        // seeded by the kernel
  // REQUIRES that every object it created is destroyed. Runs the loop until all uv handles are closed.
  ~UvRuntime() override;

  // What listens from now on takes its sockets from there, where there are some for its address, and is known there.
  // `sockets` outlives the runtime.
  void use_sockets(ListeningSockets& sockets) { sockets_ = &sockets; }

  // Runs until stop(). Called from the thread that owns the loop, once.
  void run();
  // Runs one event-loop iteration, waiting at most for the next event; for tests.
  void run_once();
  // Ends run() after the current iteration. From this loop only; from another thread use post([&]{ runtime.stop(); }).
  void stop();

  // Calls `on_signal` on this loop for each `signum` until the operation is destroyed.
  [[nodiscard]] std::unique_ptr<Operation> watch_signal(int signum, std::function<void()> on_signal);

  Time now() const override;
  WallTime wall_now() const override;
  std::unique_ptr<Operation> connect(const SocketAddress& to, ConnectCallback done) override;
  Result<std::unique_ptr<Listener>> listen(const SocketAddress& at, AcceptCallback accept,
                                           AcceptFailure failed = {}) override;
  std::unique_ptr<Operation> resolve(std::string_view host, ResolveCallback done) override;
  std::unique_ptr<TempFile> make_temp_file() override;
  void post(std::function<void()> task) override;
  void dispose(std::unique_ptr<Disposable> object) override;
  IdBytes random_id() override;
  Random& random() override;

  struct Loop;  // everything that speaks libuv; loop.h
  Loop& loop() { return *loop_; }

 private:
  std::unique_ptr<Loop> loop_;
  LookupThreads& lookups_;
  ListeningSockets* sockets_ = nullptr;
  Random random_;
  std::array<uint8_t, 4096> entropy_;
  size_t entropy_left_ = 0;
};

// The CPUs this process may use (affinity and cgroup quota, rounded up), at least 1: for `workers: auto`.
int available_cpus();

}  // namespace tidegate::net
