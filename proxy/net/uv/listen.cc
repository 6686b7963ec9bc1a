// Connections accepted. libuv's own listening drops connections in silence when descriptors run out, so a listener
// accepts by itself.
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/log.h"
#include "net/timer.h"
#include "net/uv/fd_watch.h"
#include "net/uv/listening_sockets.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

constexpr int kBacklogMax = 1024;         // of accept_backlog()
constexpr int kAcceptsMax = 64;           // in one event-loop iteration; the rest in the next
constexpr int kSharedAcceptsMax = 4;      // of a socket that other loops poll too: each gets its part
constexpr Duration kAcceptPause = 100ms;  // after an error that would come again at once

// A filter of the listening socket, on each segment that has no connection yet: a SYN is dropped, the ACK that ends a
// handshake passes. It begins at the TCP header, whose byte 13 has the flags.
constexpr uint32_t kFlagsByte = 13;
constexpr uint32_t kSyn = 0x02;
constexpr uint32_t kSynOrAck = 0x12;
constexpr std::array<sock_filter, 5> kDropSyn = {{BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kFlagsByte),
                                                  BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kSynOrAck),
                                                  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kSyn, 1, 0),
                                                  BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), BPF_STMT(BPF_RET | BPF_K, 0)}};

struct AcceptCallbacks {
  AcceptCallback accept;
  AcceptFailure failed;
};

// Out of descriptors, a spare one is given up to accept the next connection and close it: its client learns at once,
// and the socket does not stay readable. Where even that fails, accepting pauses.
class UvListener final : public Listener {
 public:
  UvListener(UvRuntime::Loop& loop, AcceptCallbacks callbacks)
      : loop_(loop),
        callbacks_(std::make_shared<AcceptCallbacks>(std::move(callbacks))),
        self_(std::make_shared<UvListener*>(this)),
        paused_(loop.runtime, [this] { want(FdWatch::kReadable); }) {}
  ~UvListener() override { *self_ = nullptr; }

  Status open(const SocketAddress& at, ListeningSockets* known) {
    if (known) {
      auto given = known->take(at);
      if (!given) return given.error();
      for (auto& socket : *given) sources_.push_back({std::move(socket), nullptr});
    }
    if (sources_.empty()) {
      auto bound = open_listening_socket(at);
      if (!bound) return bound.error();
      sources_.push_back({std::make_unique<ListeningSocket>(InheritedSocket{at, std::move(*bound)}, known), nullptr});
    }
    spare_ = open_spare();
    for (Source& source : sources_) {
      const ListeningSocket& socket = *source.socket;
      const int max = socket.crowded() ? kSharedAcceptsMax : kAcceptsMax;
      source.watch =
          watch_fd(loop_.runtime, socket.descriptor(), [=, this, &socket](int) { accept_from(socket, max); });
    }
    want(FdWatch::kReadable);
    return Ok{};
  }

  SocketAddress address() const override { return bound_address(sources_.front().socket->descriptor()); }

  void accept_backlog() override {
    const auto self = self_;
    for (size_t i = 0; *self && i < sources_.size(); ++i) {
      if (!sources_[i].socket->shared()) accept_from(*sources_[i].socket, kBacklogMax);
    }
  }

  bool stop_handshakes() override {
    const sock_fprog program{kDropSyn.size(), const_cast<sock_filter*>(kDropSyn.data())};
    bool stopped = true;
    for (const Source& source : sources_) {
      if (!source.socket->shared()) source.socket->retire();
      stopped &= !source.socket->shared() &&
                 setsockopt(source.socket->descriptor(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
    }
    return stopped;
  }

 private:
  struct Source {
    std::unique_ptr<ListeningSocket> socket;
    std::unique_ptr<FdWatch> watch;  // ends before the socket
  };

  static Descriptor open_spare() { return Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

  void want(int events) {
    for (Source& source : sources_) source.watch->want(events);
  }

  static int accept_next(const ListeningSocket& socket) {
    return ::accept4(socket.descriptor(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  }

  // Each callback may destroy the listener.
  void accept_from(const ListeningSocket& socket, int max) {
    const auto self = self_;
    for (int i = 0; i < max && *self && !paused_.active(); ++i) {
      const int client = accept_next(socket);
      if (client < 0 && errno == EAGAIN) return;
      client < 0 ? on_error(socket, errno) : hand_out(client);
    }
  }

  void hand_out(int client) {
    auto* tcp = new uv_tcp_t{};
    uv_tcp_init(&loop_.uv, tcp);
    if (const int status = uv_tcp_open(tcp, client); status != 0) {
      ::close(client);
      close_and_free(tcp);
      return report(status);
    }
    const auto callbacks = callbacks_;
    callbacks->accept(make_uv_stream(loop_, tcp));
  }

  void on_error(const ListeningSocket& socket, int error) {
    if (error == EINTR || error == ECONNABORTED) return;
    if (error == EMFILE || error == ENFILE) return shed(socket, uv_translate_sys_error(error));
    pause();
    report(uv_translate_sys_error(error));
  }

  void shed(const ListeningSocket& socket, int status) {
    { const Descriptor given_up = std::move(spare_); }
    const bool accepted = static_cast<bool>(Descriptor(accept_next(socket)));
    spare_ = open_spare();
    if (!accepted) return pause();
    const auto callbacks = callbacks_;
    if (callbacks->failed) callbacks->failed(uv_error(status, "accept"));
  }

  void pause() {
    want(0);
    paused_.start_after(kAcceptPause);
  }

  static void report(int status) { log_warn("accept_failed", {{"reason", uv_strerror(status)}}); }

  UvRuntime::Loop& loop_;
  std::shared_ptr<AcceptCallbacks> callbacks_;
  std::shared_ptr<UvListener*> self_;  // null inside once this is destroyed
  Timer paused_;
  std::vector<Source> sources_;
  Descriptor spare_;
};

}  // namespace

Result<std::unique_ptr<Listener>> UvRuntime::listen(const SocketAddress& at, AcceptCallback accept,
                                                    AcceptFailure failed) {
  auto listener = std::make_unique<UvListener>(*loop_, AcceptCallbacks{std::move(accept), std::move(failed)});
  if (Status status = listener->open(at, sockets_); !status) return status.error();
  return std::unique_ptr<Listener>(std::move(listener));
}

}  // namespace tidegate::net
