#include "net/uv/listening_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

constexpr int kBacklog = 1024;
const Error kNoDescriptor{ErrorCode::exhausted, "listen: no descriptor is left"};

int option_of(int socket, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

const char* to_string(SocketOrigin origin) {
  switch (origin) {
    case SocketOrigin::own: return "own";
    case SocketOrigin::inherited: return "inherited";
    case SocketOrigin::taken_over: return "taken_over";
  }
  return "";
}

ListeningSocket::ListeningSocket(InheritedSocket of, ListeningSockets* sockets, bool crowded)
    : of_(std::move(of)), sockets_(sockets), crowded_(crowded) {
  if (!sockets_) return;
  const std::lock_guard lock(sockets_->mutex_);
  sockets_->open_.insert(this);
}

ListeningSocket::~ListeningSocket() {
  if (!sockets_) return;
  const std::lock_guard lock(sockets_->mutex_);
  sockets_->open_.erase(this);
}

void ListeningSockets::inherit(InheritedSocket socket, size_t loops) {
  const std::lock_guard lock(mutex_);
  inherited_.push_back({std::move(socket), loops});
}

bool ListeningSockets::has_inherited(const SocketAddress& address) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(inherited_.begin(), inherited_.end(),
                     [&](const Inherited& each) { return each.of.address == address; });
}

std::vector<ListeningSockets::Place> ListeningSockets::places(const SocketAddress& address) const {
  const std::lock_guard lock(mutex_);
  std::vector<Place> places;
  for (const ListeningSocket* socket : open_) {
    if (socket->of_.address != address) continue;
    const Place place{bound_address(socket->descriptor()), socket->of_.origin};
    const bool known = std::any_of(places.begin(), places.end(), [&](const Place& each) {
      return each.bound == place.bound && each.origin == place.origin;
    });
    if (!known) places.push_back(place);
  }
  return places;
}

void ListeningSockets::end_start() {
  const std::lock_guard lock(mutex_);
  std::erase_if(inherited_, [](const Inherited& each) { return !each.of.managed; });
}

std::vector<SocketAddress> ListeningSockets::managed_addresses() const {
  const std::lock_guard lock(mutex_);
  std::vector<SocketAddress> addresses;
  for (const Inherited& each : inherited_) addresses.push_back(each.of.address);
  return addresses;
}

// The loops take turns. Each takes every so-manyth of the sockets; where there are fewer than loops, all have one.
Result<std::vector<std::unique_ptr<ListeningSocket>>> ListeningSockets::take(const SocketAddress& address) {
  std::vector<InheritedSocket> mine;
  bool crowded = false;
  {
    const std::lock_guard lock(mutex_);
    std::vector<const Inherited*> all;
    for (const Inherited& each : inherited_) {
      if (each.of.address == address) all.push_back(&each);
    }
    if (all.empty()) return std::vector<std::unique_ptr<ListeningSocket>>();
    const size_t loops = all.front()->loops;
    const size_t turn = static_cast<size_t>(std::count(taken_.begin(), taken_.end(), address)) % loops;
    taken_.push_back(address);
    crowded = all.size() < loops;
    for (size_t i = turn % all.size(); i < all.size(); i += loops) {
      mine.push_back({address, all[i]->of.socket.duplicate(), all[i]->of.managed, all[i]->of.origin});
      if (!mine.back().socket) return kNoDescriptor;
    }
  }
  std::vector<std::unique_ptr<ListeningSocket>> taken;
  for (InheritedSocket& each : mine) taken.push_back(std::make_unique<ListeningSocket>(std::move(each), this, crowded));
  return taken;
}

Result<std::vector<InheritedSocket>> ListeningSockets::share(const std::vector<SocketAddress>& addresses) {
  const std::lock_guard lock(mutex_);
  std::vector<InheritedSocket> given;
  std::vector<ListeningSocket*> shared;
  for (ListeningSocket* socket : open_) {
    const bool wanted = std::find(addresses.begin(), addresses.end(), socket->of_.address) != addresses.end();
    if (!wanted || socket->retired_) continue;
    given.push_back({socket->of_.address, socket->of_.socket.duplicate(), socket->of_.managed});
    if (!given.back().socket) return kNoDescriptor;
    shared.push_back(socket);
  }
  const size_t listening = given.size();
  for (const Inherited& each : inherited_) {
    const bool has_listener =
        std::any_of(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(listening),
                    [&](const InheritedSocket& other) { return other.address == each.of.address; });
    if (has_listener || !each.of.managed) continue;
    given.push_back({each.of.address, each.of.socket.duplicate(), true});
    if (!given.back().socket) return kNoDescriptor;
  }
  for (ListeningSocket* socket : shared) socket->shared_ = true;
  return given;
}

void ListeningSockets::end_sharing() {
  const std::lock_guard lock(mutex_);
  for (ListeningSocket* socket : open_) socket->shared_ = false;
}

void ListeningSockets::end_sharing(const SocketAddress& address) {
  const std::lock_guard lock(mutex_);
  for (ListeningSocket* socket : open_) {
    if (socket->of_.address == address) socket->shared_ = false;
  }
}

Result<Descriptor> open_listening_socket(const SocketAddress& at) {
  Descriptor made(::socket(at.ip.v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made) return uv_error(uv_translate_sys_error(errno), "socket");
  const int on = 1;
  setsockopt(made.number(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(made.number(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  const sockaddr_storage address = to_sockaddr(at);
  const bool listening = ::bind(made.number(), reinterpret_cast<const sockaddr*>(&address), size_of(address)) == 0 &&
                         ::listen(made.number(), kBacklog) == 0;
  if (!listening) return uv_error(uv_translate_sys_error(errno), "listen " + at.to_string());
  return made;
}

Result<SocketAddress> adopt_listening_socket(const Descriptor& socket) {
  const int number = socket.number();
  const int domain = option_of(number, SO_DOMAIN);
  if ((domain != AF_INET && domain != AF_INET6) || option_of(number, SO_TYPE) != SOCK_STREAM ||
      option_of(number, SO_ACCEPTCONN) != 1) {
    return Error{ErrorCode::invalid, "it is not a socket that listens on TCP"};
  }
  ::fcntl(number, F_SETFD, FD_CLOEXEC);
  ::fcntl(number, F_SETFL, ::fcntl(number, F_GETFL) | O_NONBLOCK);
  return bound_address(number);
}

}  // namespace tidegate::net
