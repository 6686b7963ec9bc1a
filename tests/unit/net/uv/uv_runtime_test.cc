// What only the kernel's runtime does: sockets that share a port, signals, other threads, running out of descriptors.
#include "net/uv/uv_runtime.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

TEST_CASE("Two loops may listen on one port, and each connection goes to one of them") {
  UvLoop loop;
  int one_accepted = 0, two_accepted = 0;
  const auto one = loop.impl.listen(any_port(), [&](auto) { ++one_accepted; });
  REQUIRE(one.ok());
  const auto two = loop.impl.listen((*one)->address(), [&](auto) { ++two_accepted; });
  REQUIRE(two.ok());
  CHECK((*two)->address() == (*one)->address());
  std::vector<std::unique_ptr<net::Operation>> connecting;
  for (int i = 0; i < 64; ++i) connecting.push_back(loop.impl.connect((*one)->address(), [](auto) {}));
  REQUIRE(loop.run_until([&] { return one_accepted + two_accepted == 64; }));
  CHECK(one_accepted > 0);  // the kernel spreads them by a hash: all 64 on one side would be its wonder
  CHECK(two_accepted > 0);
}

TEST_CASE("Listening at an address of no interface of ours is an error, not a crash") {
  UvLoop loop;
  const auto listener = loop.impl.listen(*SocketAddress::parse("192.0.2.1:0"), [](auto) {});
  REQUIRE_FALSE(listener.ok());
  CHECK(listener.error().message.starts_with("listen 192.0.2.1:0: "));
}

TEST_CASE("A watched signal is reported on the loop, each time, until the operation is destroyed") {
  UvLoop loop;
  int told = 0, other = 0;
  auto watching = loop.impl.watch_signal(SIGUSR1, [&] { ++told; });
  const auto also = loop.impl.watch_signal(SIGUSR1, [&] { ++other; });
  ::kill(::getpid(), SIGUSR1);
  CHECK(told == 0);
  REQUIRE(loop.run_until([&] { return told == 1 && other == 1; }));
  ::kill(::getpid(), SIGUSR1);
  REQUIRE(loop.run_until([&] { return told == 2 && other == 2; }));
  watching.reset();
  ::kill(::getpid(), SIGUSR1);
  REQUIRE(loop.run_until([&] { return other == 3; }));
  CHECK(told == 2);
}

TEST_CASE("A signal's operation may be destroyed inside its own callback") {
  UvLoop loop;
  std::unique_ptr<net::Operation> watching;
  const auto also = loop.impl.watch_signal(SIGUSR2, [] {});  // else the second signal would end this program
  const auto token = std::make_shared<int>(0);
  watching = loop.impl.watch_signal(SIGUSR2, [&watching, token] {
    watching.reset();
    ++*token;
  });
  ::kill(::getpid(), SIGUSR2);
  REQUIRE(loop.run_until([&] { return *token == 1; }));
  ::kill(::getpid(), SIGUSR2);
  settle(loop);
  CHECK(*token == 1);
  CHECK(token.use_count() == 1);
}

TEST_CASE("Tasks posted by other threads all run, on the loop's thread, each thread's in order") {
  constexpr int kThreads = 4, kTasks = 5000;
  UvLoop loop;
  const std::thread::id loop_thread = std::this_thread::get_id();
  std::array<int, kThreads> next{};
  int ran = 0, out_of_order = 0, elsewhere = 0;
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kTasks; ++i) {
          loop.impl.post([&, t, i] {
            ++ran;
            if (next[t]++ != i) ++out_of_order;
            if (std::this_thread::get_id() != loop_thread) ++elsewhere;
          });
        }
      });
    }
    REQUIRE(loop.run_until([&] { return ran == kThreads * kTasks; }));
  }
  CHECK(out_of_order == 0);
  CHECK(elsewhere == 0);
}

TEST_CASE("run goes on until stop, which another thread posts") {
  std::atomic<net::UvRuntime*> ready = nullptr;
  int turns = 0;
  std::jthread worker([&] {
    net::UvRuntime runtime(1);
    net::Timer timer(runtime, [&] { ++turns; });
    timer.start_after(0ns);
    ready = &runtime;
    ready.notify_one();
    runtime.run();
  });
  ready.wait(nullptr);
  net::UvRuntime* runtime = ready;
  runtime->post([runtime] { runtime->stop(); });
  worker.join();
  CHECK(turns <= 1);
}

TEST_CASE("A worker's loop and another's talk through the kernel, each on its own thread") {
  std::atomic<uint16_t> port = 0;
  std::jthread echoing([&port] {
    net::UvRuntime runtime(2);
    Peer peer;
    peer.in_read = [&] { peer.stream->write(std::exchange(peer.received, {})); };
    peer.in_end = [&] { runtime.stop(); };
    const auto listener = runtime.listen(any_port(), [&](auto stream) { peer.adopt(std::move(stream)); });
    port = (*listener)->address().port;
    port.notify_one();
    runtime.run();
    peer.close();
  });
  port.wait(0);
  UvLoop loop;
  Peer client;
  const auto connecting = loop.impl.connect({*IpAddress::parse("127.0.0.1"), port}, [&](auto result) {
    REQUIRE(result.ok());
    client.adopt(std::move(*result));
    client.stream->write("over there");
  });
  CHECK(loop.run_until([&] { return client.received == "over there"; }));
  client.stream->end_writing();
  CHECK(loop.run_until([&] { return client.over(); }));
}

// UBSan's check of an object's type itself needs a pipe: without descriptors it sees faults where there are none.
#ifndef __SANITIZE_ADDRESS__
TEST_CASE(
    "Out of descriptors, connects fail as exhausted, what cannot be accepted is told, and accepting goes on later") {
  UvLoop loop;
  std::vector<std::unique_ptr<Peer>> servers;
  std::vector<ErrorCode> refusals;
  const auto listener = loop.impl.listen(
      any_port(), [&](auto stream) { servers.emplace_back(std::make_unique<Peer>())->adopt(std::move(stream)); },
      [&](const Error& error) { refusals.push_back(error.code); });
  REQUIRE(listener.ok());
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int free_descriptor = ::dup(0);
  ::close(free_descriptor);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(free_descriptor) + 10;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);

  std::vector<std::unique_ptr<Peer>> clients;
  std::vector<std::unique_ptr<net::Operation>> connecting;
  int answered = 0;
  std::vector<ErrorCode> errors;
  for (int i = 0; i < 30; ++i) {
    connecting.push_back(loop.impl.connect((*listener)->address(), [&](auto result) {
      ++answered;
      if (!result.ok()) {
        errors.push_back(result.error().code);
      } else {
        clients.emplace_back(std::make_unique<Peer>())->adopt(std::move(*result));
      }
    }));
  }
  const bool all_answered = loop.run_until([&] { return answered == 30; });
  settle(loop);
  setrlimit(RLIMIT_NOFILE, &before);
  REQUIRE(all_answered);
  CHECK(errors.size() >= 20);
  for (const ErrorCode code : errors) CHECK(code == ErrorCode::exhausted);
  // Every client that connected was accepted, or closed and told about.
  CHECK(refusals.size() > 0);
  CHECK(servers.size() + refusals.size() == clients.size());
  for (const ErrorCode code : refusals) CHECK(code == ErrorCode::exhausted);

  Peer late;
  const size_t accepted = servers.size();
  const auto again = loop.impl.connect((*listener)->address(), [&](auto result) {
    REQUIRE(result.ok());
    late.adopt(std::move(*result));
  });
  CHECK(loop.run_until([&] { return late.stream && servers.size() > accepted; }));
}
#endif

TEST_CASE("This process may use at least one CPU") { CHECK(net::available_cpus() >= 1); }
