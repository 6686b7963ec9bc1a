#include "net/uv/fd_watch.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace tidegate::test {

namespace {

using net::FdWatch;

// Two connected sockets; `ours` is watched.
struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    ours = ends[0];
    theirs = ends[1];
  }
  ~Pair() {
    close(ours);
    close(theirs);
  }
  void say(const char* text) const { REQUIRE(write(theirs, text, 1) == 1); }
  int ours, theirs;
};

}  // namespace

TEST_CASE("a watched descriptor reports the events it is watched for, as long as they last") {
  net::UvRuntime runtime;
  const Pair pair;
  int told = 0, last = 0;
  const auto watch = net::watch_fd(runtime, pair.ours, [&](int events) {
    ++told;
    last = events;
  });
  watch->want(FdWatch::kReadable);
  pair.say("x");
  while (told < 2) runtime.run_once();  // nobody has read it
  CHECK(last == FdWatch::kReadable);
  watch->want(FdWatch::kWritable);
  runtime.run_once();
  CHECK(last == FdWatch::kWritable);
  watch->want(FdWatch::kReadable | FdWatch::kWritable);
  runtime.run_once();
  CHECK(last == (FdWatch::kReadable | FdWatch::kWritable));
}

TEST_CASE("a watch that wants nothing, or is destroyed, is silent") {
  net::UvRuntime runtime;
  const Pair pair;
  const Pair other;
  bool heard = false, ended = false;
  auto watch = net::watch_fd(runtime, pair.ours, [&](int) { heard = true; });
  const auto end = net::watch_fd(runtime, other.ours, [&](int) { ended = true; });
  pair.say("x");
  other.say("x");
  watch->want(FdWatch::kReadable);
  watch->want(0);
  end->want(FdWatch::kReadable);
  while (!ended) runtime.run_once();
  CHECK_FALSE(heard);
  watch->want(FdWatch::kReadable);
  watch.reset();
  ended = false;
  while (!ended) runtime.run_once();
  CHECK_FALSE(heard);
}

TEST_CASE("a watch may be destroyed by its own callback, and the descriptor watched anew") {
  net::UvRuntime runtime;
  const Pair pair;
  std::unique_ptr<FdWatch> watch;
  int told = 0;
  watch = net::watch_fd(runtime, pair.ours, [&](int) {
    ++told;
    watch.reset();
    watch = net::watch_fd(runtime, pair.ours, [&](int) { told += 10; });
    watch->want(FdWatch::kReadable);
  });
  watch->want(FdWatch::kReadable);
  pair.say("x");
  while (told < 11) runtime.run_once();
  CHECK(told % 10 == 1);
}

TEST_CASE("a watched peer that has closed is reported as readable") {
  net::UvRuntime runtime;
  Pair pair;
  int last = 0;
  const auto watch = net::watch_fd(runtime, pair.ours, [&](int events) { last = events; });
  watch->want(FdWatch::kReadable);
  close(std::exchange(pair.theirs, -1));
  while (last == 0) runtime.run_once();
  CHECK((last & FdWatch::kReadable) != 0);
}

}  // namespace tidegate::test
