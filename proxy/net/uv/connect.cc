// Connections made; signals.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/assert.h"
#include "net/uv/lookup_threads.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

ErrorCode code_of(int status) {
  switch (status) {
    case UV_ECONNREFUSED:
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_EADDRNOTAVAIL: return ErrorCode::refused;
    case UV_ETIMEDOUT: return ErrorCode::timeout;
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ECONNABORTED:
    case UV_ENOTCONN: return ErrorCode::reset;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOBUFS:
    case UV_ENOMEM:
    case UV_ENOSPC: return ErrorCode::exhausted;
    case UV_EADDRINUSE: return ErrorCode::conflict;
    case UV_EINVAL: return ErrorCode::invalid;
    default: return ErrorCode::io;
  }
}

// A datagram socket needs an address of this machine to send from, but none of the ports of TCP.
bool has_source_address(const SocketAddress& to) {
  const int probe = ::socket(to.ip.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return true;
  const sockaddr_storage address = to_sockaddr(to);
  const bool none =
      ::connect(probe, reinterpret_cast<const sockaddr*>(&address), size_of(address)) != 0 && errno == EADDRNOTAVAIL;
  ::close(probe);
  return !none;
}

// EADDRNOTAVAIL has two meanings: `to` cannot be reached from any address of this machine (IPv6 that is disabled), or
// all local ports to it are in use.
Error connect_error(int status, const SocketAddress& to) {
  const std::string what = "connect " + to.to_string();
  if (status == UV_EINVAL) return {ErrorCode::io, what + ": " + uv_strerror(status)};  // as a link-local address may be
  if (status != UV_EADDRNOTAVAIL || !has_source_address(to)) return uv_error(status, what);
  return {ErrorCode::conflict, what + ": all local ports to it are in use"};
}

//   connecting ──▶ connected (the handle goes to a Stream) | failed      destroyed early: the handle is closed
class UvConnect final : public Operation {
 public:
  UvConnect(UvRuntime::Loop& loop, const SocketAddress& to, ConnectCallback done)
      : loop_(loop), to_(to), done_(std::move(done)), tcp_(new uv_tcp_t{}) {
    uv_tcp_init(&loop_.uv, tcp_);
    request_ = new uv_connect_t{};
    request_->data = this;
    const sockaddr_storage address = to_sockaddr(to);
    const int status = uv_tcp_connect(request_, tcp_, reinterpret_cast<const sockaddr*>(&address), &on_connected);
    if (status == 0) return;
    delete std::exchange(request_, nullptr);
    alive_ = std::make_shared<UvConnect*>(this);
    loop_.runtime.post([alive = alive_, status] {
      if (*alive) (*alive)->finish(status);
    });
  }

  ~UvConnect() override {
    if (alive_) *alive_ = nullptr;
    if (request_) request_->data = nullptr;
    if (tcp_) close_and_free(tcp_);
  }

 private:
  static void on_connected(uv_connect_t* request, int status) {
    auto* self = static_cast<UvConnect*>(request->data);
    delete request;
    if (!self) return;
    self->request_ = nullptr;
    self->finish(status);
  }

  void finish(int status) {
    const ConnectCallback done = std::move(done_);  // the owner may let go of us inside it
    if (status != 0) return done(connect_error(status, to_));
    done(make_uv_stream(loop_, std::exchange(tcp_, nullptr)));
  }

  UvRuntime::Loop& loop_;
  SocketAddress to_;
  ConnectCallback done_;
  uv_tcp_t* tcp_;
  uv_connect_t* request_ = nullptr;
  std::shared_ptr<UvConnect*> alive_;
};

class UvSignal final : public Operation {
 public:
  UvSignal(uv_loop_t& loop, int signum, std::function<void()> on_signal)
      : on_signal_(std::move(on_signal)), handle_(new uv_signal_t{}) {
    TG_ASSERT(uv_signal_init(&loop, handle_) == 0);
    handle_->data = this;
    TG_ASSERT(uv_signal_start(handle_, &fired, signum) == 0);  // a SIGTERM that nobody hears would kill, not drain
  }
  ~UvSignal() override {
    handle_->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(handle_), [](uv_handle_t* h) { delete reinterpret_cast<uv_signal_t*>(h); });
  }

 private:
  static void fired(uv_signal_t* handle, int) {
    auto* self = static_cast<UvSignal*>(handle->data);
    if (!self) return;
    const auto on_signal = self->on_signal_;  // the call may destroy the operation
    on_signal();
  }

  std::function<void()> on_signal_;
  uv_signal_t* handle_;
};

}  // namespace

Error uv_error(int status, const std::string& what) { return {code_of(status), what + ": " + uv_strerror(status)}; }

sockaddr_storage to_sockaddr(const SocketAddress& address) {
  sockaddr_storage storage{};
  if (address.ip.v6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address.port);
    std::memcpy(&v6->sin6_addr, address.ip.bytes.data(), 16);
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.ip.bytes.data(), 4);
  }
  return storage;
}

socklen_t size_of(const sockaddr_storage& storage) {
  return storage.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

SocketAddress from_sockaddr(const sockaddr_storage& storage) {
  SocketAddress address;
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    char text[INET6_ADDRSTRLEN];
    uv_ip6_name(&v6, text, sizeof(text));
    address.ip = IpAddress::parse(text).value_or(IpAddress{});  // parse folds IPv4-mapped addresses
    address.port = ntohs(v6.sin6_port);
  } else if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    std::memcpy(address.ip.bytes.data(), &v4.sin_addr, 4);
    address.port = ntohs(v4.sin_port);
  }
  return address;
}

SocketAddress bound_address(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size);
  return from_sockaddr(storage);
}

std::unique_ptr<Operation> UvRuntime::connect(const SocketAddress& to, ConnectCallback done) {
  return std::make_unique<UvConnect>(*loop_, to, std::move(done));
}

std::unique_ptr<Operation> UvRuntime::resolve(std::string_view host, ResolveCallback done) {
  auto reply = std::make_unique<LookupThreads::Reply>(*this, std::move(done));
  if (const auto literal = IpAddress::parse(host)) reply->slot()->send(Addresses{*literal});
  else lookups_.look_up(std::string(host), reply->slot());
  return reply;
}

std::unique_ptr<Operation> UvRuntime::watch_signal(int signum, std::function<void()> on_signal) {
  return std::make_unique<UvSignal>(loop_->uv, signum, std::move(on_signal));
}

}  // namespace tidegate::net
