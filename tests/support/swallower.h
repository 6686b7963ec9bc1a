// An address of the kernel's network that lets no connection come about: the backlog of its socket is full, so that the
// kernel drops what arrives.
#pragma once

#include <doctest/doctest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace tidegate::test {

class Swallower {
 public:
  // On an IPv4 address of the loopback, such as 127.0.0.2. Port 0: any.
  Swallower(const char* ip, uint16_t port) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    REQUIRE(::inet_pton(AF_INET, ip, &at.sin_addr) == 1);
    socklen_t size = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);
    REQUIRE(::bind(listener_, address, size) == 0);
    REQUIRE(::listen(listener_, 0) == 0);
    REQUIRE(::getsockname(listener_, address, &size) == 0);
    port_ = ntohs(at.sin_port);
    for (int& client : clients_) {
      client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      static_cast<void>(::connect(client, address, size));
    }
  }
  ~Swallower() {
    for (const int client : clients_) ::close(client);
    ::close(listener_);
  }
  Swallower(const Swallower&) = delete;
  Swallower& operator=(const Swallower&) = delete;

  uint16_t port() const { return port_; }

 private:
  const int listener_;
  uint16_t port_ = 0;
  int clients_[4];  // more than the backlog holds
};

}  // namespace tidegate::test
