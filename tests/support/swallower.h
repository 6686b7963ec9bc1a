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
  // On an IPv4 address of the loopback, such as 127.0.0.2.
  Swallower(const char* ip, uint16_t port) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    REQUIRE(::inet_pton(AF_INET, ip, &at.sin_addr) == 1);
    const auto* address = reinterpret_cast<const sockaddr*>(&at);
    REQUIRE(::bind(listener_, address, sizeof at) == 0);
    REQUIRE(::listen(listener_, 0) == 0);
    for (int& client : clients_) {
      client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      static_cast<void>(::connect(client, address, sizeof at));
    }
  }
  ~Swallower() {
    for (const int client : clients_) ::close(client);
    ::close(listener_);
  }
  Swallower(const Swallower&) = delete;
  Swallower& operator=(const Swallower&) = delete;

 private:
  const int listener_;
  int clients_[4];  // more than the backlog holds
};

}  // namespace tidegate::test
