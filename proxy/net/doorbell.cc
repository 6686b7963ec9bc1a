#include "net/doorbell.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"

namespace tidegate::net {

Doorbell::Doorbell() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { TG_ASSERT(event_ >= 0); }
Doorbell::~Doorbell() { ::close(event_); }

void Doorbell::ring() {
  const uint64_t one = 1;
  // It fails only where 2^64 rings are unheard: then one is waiting.
  static_cast<void>(!::write(event_, &one, sizeof one));
}

void Doorbell::wait(int socket, Duration wait_max) {
  pollfd watched[2] = {{event_, POLLIN, 0}, {socket, POLLIN, 0}};
  static_cast<void>(::poll(watched, socket >= 0 ? 2 : 1, static_cast<int>(ceil_ms(wait_max))));
  uint64_t rings = 0;
  static_cast<void>(!::read(event_, &rings, sizeof rings));
}

void bound_unacknowledged(int socket, Duration bound) {
  const auto ms = static_cast<unsigned>(ceil_ms(bound));
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms));
}

}  // namespace tidegate::net
