// Listeners that let no handshake begin, on the kernel's network.
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

// A client's socket that may leave the server's SYN-ACK unheard: the handshake is then under way on both sides.
class Client {
 public:
  explicit Client(const SocketAddress& to, bool deaf) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    if (deaf) {
      sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
      const sock_fprog program{1, &nothing};
      REQUIRE(setsockopt(descriptor_, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(to.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == -1);
    REQUIRE(errno == EINPROGRESS);
  }
  ~Client() { ::close(descriptor_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void hear() {
    const int unused = 0;
    REQUIRE(setsockopt(descriptor_, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)) == 0);
  }
  bool connected() const {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    return getpeername(descriptor_, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
  }
  int error() const {
    int error = 0;
    socklen_t size = sizeof(error);
    REQUIRE(getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    return error;
  }

 private:
  const int descriptor_;
};

}  // namespace

// The kernel repeats what was not heard after a second: what is awaited here is that.
TEST_CASE(
    "Where no handshake may begin, one that is under way ends and is accepted, and a new one is refused at the end") {
  UvLoop loop;
  std::vector<std::unique_ptr<net::Stream>> accepted;
  auto listener = loop.runtime().listen(any_port(), [&](auto stream) { accepted.push_back(std::move(stream)); });
  REQUIRE(listener.ok());
  Client under_way((*listener)->address(), true);
  REQUIRE((*listener)->stop_handshakes());
  Client late((*listener)->address(), false);
  under_way.hear();
  CHECK(loop.run_until([&] { return !accepted.empty(); }));
  CHECK(under_way.connected());
  CHECK_FALSE(late.connected());
  CHECK(late.error() == 0);
  (*listener).reset();
  CHECK(loop.run_until([&] { return late.error() == ECONNREFUSED; }));
  CHECK(accepted.size() == 1);
}
