// Connects that fail on this machine already: in a network of the test's own, where there are two local ports.
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "net/uv/uv_runtime.h"
#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

bool write_setting(const char* path, const char* value) {
  std::ofstream file(path);
  file << value << std::flush;
  return file.good();
}

// The calling thread alone leaves the network of the machine.
bool enter_small_network() {
  if (::unshare(CLONE_NEWNET) != 0) return false;
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  const bool up = ::ioctl(any, SIOCSIFFLAGS, &loopback) == 0;
  ::close(any);
  return up && write_setting("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001") &&
         write_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
}

// How each of `count` connects to `to` ends, made one after the other and kept; none: it is connected.
std::vector<std::optional<Error>> connect_all(UvLoop& loop, const SocketAddress& to, int count) {
  std::vector<std::optional<Error>> ends;
  std::vector<std::unique_ptr<net::Stream>> streams;
  for (int i = 0; i < count; ++i) {
    bool ended = false;
    const auto connecting = loop.impl.connect(to, [&](Result<std::unique_ptr<net::Stream>> result) {
      ended = true;
      ends.push_back(result ? std::nullopt : std::optional(result.error()));
      if (result) streams.push_back(std::move(*result));
    });
    if (!loop.run_until([&] { return ended; })) break;
  }
  return ends;
}

}  // namespace

TEST_CASE("Without a free local port a connect fails as conflict; without an address to send from it is refused") {
  bool small_network = false;
  std::vector<std::optional<Error>> ends, unreachable;
  std::thread([&] {
    small_network = enter_small_network();
    if (!small_network) return;
    UvLoop loop;
    std::vector<std::unique_ptr<net::Stream>> accepted;
    const auto listener = loop.impl.listen(*SocketAddress::parse("127.0.0.1:5000"),
                                           [&](auto stream) { accepted.push_back(std::move(stream)); });
    if (!listener.ok()) return;
    ends = connect_all(loop, (*listener)->address(), 3);
    unreachable = connect_all(loop, *SocketAddress::parse("[::1]:5000"), 1);
  }).join();
  if (!small_network) {
    MESSAGE("skipped: a network of its own needs the rights of root");
    return;
  }
  REQUIRE(ends.size() == 3);
  CHECK(!ends[0]);
  CHECK(!ends[1]);
  REQUIRE(ends[2]);
  CHECK(ends[2]->code == ErrorCode::conflict);
  CHECK(ends[2]->message == "connect 127.0.0.1:5000: all local ports to it are in use");
  REQUIRE(unreachable.size() == 1);
  REQUIRE(unreachable[0]);
  CHECK(unreachable[0]->code == ErrorCode::refused);
}
