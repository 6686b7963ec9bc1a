// bench-relay --listen PORT --upstream PORT [--splice]: the floor of the benchmark. One thread, one upstream
// connection per client connection, with the same lifetime; copies bytes both ways, parses nothing.
#include <csignal>
#include <memory>
#include <utility>
#include <vector>

#include "flags.h"
#include "pump.h"
#include "socket.h"

namespace tidegate::bench {
namespace {

// A client connection and its upstream connection. Each end is registered with the poller by its address, so a Link
// never moves; a closed one is freed only after the batch of events in which it ended.
template <class Pump>
struct Link {
  struct End {
    Link* link = nullptr;
    Fd fd;
    Pump outgoing;         // what was read from this end, on its way to the other
    bool blocked = false;  // outgoing waits for the other end to take more
    bool hung_up = false;  // its last byte is here: reported once, so remembered; a short read is not the end then
  };

  End client;
  End upstream;
  bool closed = false;

  End& other(const End& end) { return &end == &client ? upstream : client; }

  bool move_from(End& end) {
    Flow flow = Flow::Drained;
    do {
      flow = end.outgoing.move(end.fd, other(end).fd);
    } while (end.hung_up && flow == Flow::Drained);
    end.blocked = flow == Flow::Blocked;
    return flow != Flow::Ended;
  }

  // Handles one event of one end. False: the link has ended.
  bool serve(End& end, std::uint32_t events) {
    if ((events & Poller::kHungUp) != 0) end.hung_up = true;
    if ((events & Poller::kWritable) != 0 && other(end).blocked && !move_from(other(end))) return false;
    return (events & Poller::kReadable) == 0 || end.blocked || move_from(end);
  }
};

template <class Pump>
class Relay {
 public:
  Relay(std::uint16_t listen_port, std::uint16_t upstream_port)
      : listener_(listen_loopback(listen_port)), upstream_port_(upstream_port) {
    poller_.add(listener_, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) {
      for (const epoll_event& event : poller_.wait(-1)) dispatch(event);
      closed_.clear();
    }
  }

 private:
  using RelayLink = Link<Pump>;
  using End = typename RelayLink::End;

  void dispatch(const epoll_event& event) {
    if (event.data.ptr == nullptr) return accept_all();
    End& end = *static_cast<End*>(event.data.ptr);
    RelayLink& link = *end.link;
    if (!link.closed && !link.serve(end, event.events)) close(link);
  }

  void accept_all() {
    while (Fd client = accept_next(listener_)) {
      Fd upstream = connect_loopback(upstream_port_);
      if (!upstream) continue;
      auto* link = new RelayLink;  // owned by the poller's registration until close() takes it back
      link->client.link = link->upstream.link = link;
      link->client.fd = std::move(client);
      link->upstream.fd = std::move(upstream);
      poller_.add(link->client.fd, &link->client);
      poller_.add(link->upstream.fd, &link->upstream);
    }
  }

  void close(RelayLink& link) {
    link.closed = true;
    link.client.fd.close();
    link.upstream.fd.close();
    closed_.emplace_back(&link);
  }

  Poller poller_;
  Fd listener_;
  std::uint16_t upstream_port_;
  std::vector<std::unique_ptr<RelayLink>> closed_;
};

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
  using namespace tidegate::bench;
  std::signal(SIGPIPE, SIG_IGN);  // splice has no MSG_NOSIGNAL
  Flags flags(argc, argv);
  const std::uint16_t listen_port = flags.port("listen");
  const std::uint16_t upstream_port = flags.port("upstream");
  const bool splices = flags.has("splice");
  flags.finish();
  if (splices) Relay<SplicePump>(listen_port, upstream_port).run();
  Relay<CopyPump>(listen_port, upstream_port).run();
}
