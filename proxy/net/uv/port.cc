#include "net/uv/port.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/uv/loop.h"

namespace tidegate::net {

Status check_port_is_free(const SocketAddress& address) {
  if (address.port == 0) return Ok{};
  const std::string what = "listen " + address.to_string() + ": ";
  const sockaddr_storage storage = to_sockaddr(address);
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{ErrorCode::io, what + std::strerror(errno)};
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // connections that linger do not count
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size_of(storage)) == 0;
  const int why = errno;
  ::close(fd);
  if (bound) return Ok{};
  if (why == EADDRINUSE) return Error{ErrorCode::conflict, what + "another process listens there"};
  return Error{why == EADDRNOTAVAIL ? ErrorCode::invalid : ErrorCode::io, what + std::strerror(why)};
}

}  // namespace tidegate::net
