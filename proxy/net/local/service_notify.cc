#include "net/local/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "net/uv/descriptors.h"

namespace tidegate::net {

void notify_service_manager(std::string_view state) {
  const char* set = std::getenv("NOTIFY_SOCKET");
  std::string_view path = set ? set : "";
  sockaddr_un to{};
  if (path.empty() || path.size() >= sizeof(to.sun_path)) return;
  to.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), to.sun_path);
  if (path.front() == '@') to.sun_path[0] = '\0';  // an abstract name
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  [[maybe_unused]] const ssize_t sent =
      ::sendto(socket.number(), state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&to), size);
}

}  // namespace tidegate::net
