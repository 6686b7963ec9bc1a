#include <algorithm>

#include "net/sim/connection.h"

namespace tidegate::net {

namespace {
constexpr size_t kPieceMax = 60 * 1024;  // of one on_read, as UvRuntime's buffer
constexpr size_t kSegmentMax = 16 * 1024;
constexpr int kFragmentsMax = 4;
}  // namespace

void SimConnection::later(SimEvent kind, Time at, std::function<void(SimConnection&)> run) {
  world.schedule(at, kind, id, [self = shared_from_this(), run = std::move(run)] { run(*self); });
}

Time SimConnection::arrival(Pipe& pipe) {
  pipe.last_arrival = std::max(pipe.last_arrival, world.now + world.latency(link()));
  return pipe.last_arrival;
}

void SimConnection::write(int side, std::span<const std::string_view> pieces) {
  End& end = ends[side];
  Pipe& pipe = pipes_[side];
  if (end.error_told || end.reset_arrived) {
    for (const std::string_view piece : pieces) pipe.dropped += piece.size();
    if (end.error_told) return;
    return later(SimEvent::pump, world.now, [side](SimConnection& c) { c.write_fails(side); });
  }
  for (const std::string_view piece : pieces) pipe.unsent.append(piece);
  send_on(side);
  if (!pipe.unsent.empty()) pipe.drain_owed = true;
}

// As the kernel: first what can be read, then the end, then the error.
Stream::Unread SimConnection::unread(int side) const {
  const Pipe& incoming = pipes_[1 - side];
  if (!incoming.inbox.empty()) return Stream::Unread::bytes;
  if (incoming.fin_arrived) return Stream::Unread::end;
  return ends[side].reset_arrived ? Stream::Unread::error : Stream::Unread::nothing;
}

void SimConnection::end_writing(int side) {
  pipes_[side].fin_wanted = true;
  send_on(side);
}

void SimConnection::send_on(int side) {
  Pipe& pipe = pipes_[side];
  const size_t window = link().window;
  size_t sent = 0;
  while (sent < pipe.unsent.size() && pipe.travelling < window) {
    const size_t count = std::min({pipe.unsent.size() - sent, window - pipe.travelling, kSegmentMax});
    pipe.travelling += count;
    send_segment(side, pipe.unsent.substr(sent, count));
    sent += count;
  }
  pipe.unsent.erase(0, sent);
  if (!pipe.unsent.empty() || !pipe.fin_wanted || pipe.fin_sent) return;
  pipe.fin_sent = true;
  later(SimEvent::fin, arrival(pipe), [side](SimConnection& c) { c.fin_arrives(side); });
}

void SimConnection::send_segment(int side, std::string bytes) {
  Pipe& pipe = pipes_[side];
  pipe.under_way += bytes.size();
  if (world.network.chance(link().reset)) {
    later(SimEvent::reset, arrival(pipe), [](SimConnection& c) {
      c.reset_arrives(0);
      c.reset_arrives(1);
    });
    return;
  }
  int fragments = 1;
  if (world.network.chance(link().fragment)) fragments += 1 + static_cast<int>(world.network.below(kFragmentsMax - 1));
  size_t offset = 0;
  while (offset < bytes.size()) {
    const size_t left = bytes.size() - offset;
    const size_t count = --fragments <= 0 ? left : 1 + static_cast<size_t>(world.network.below(left));
    later(SimEvent::segment, arrival(pipe),
          [side, piece = bytes.substr(offset, count)](SimConnection& c) { c.segment_arrives(side, piece); });
    offset += count;
  }
}

void SimConnection::segment_arrives(int from, std::string bytes) {
  world.note(SimEvent::segment, id, bytes.size());
  const int to = 1 - from;
  if (ends[to].reset_arrived) return;
  if (ends[to].gone) return send_reset(to);
  pipes_[from].under_way -= bytes.size();
  pipes_[from].inbox.append(bytes);
  deliver(to);
}

void SimConnection::fin_arrives(int from) {
  pipes_[from].fin_arrived = true;
  deliver(1 - from);
}

// `side` refuses: its peer gets RST, behind what was sent before.
void SimConnection::send_reset(int side) {
  later(SimEvent::reset, arrival(pipes_[side]), [to = 1 - side](SimConnection& c) { c.reset_arrives(to); });
}

void SimConnection::reset_arrives(int side) {
  End& end = ends[side];
  if (end.gone || end.reset_arrived) return;
  end.reset_arrived = true;
  if (!pipes_[side].unsent.empty()) return write_fails(side);
  if (end.reading) deliver(side);
}

// What has arrived before the reset is read first, or lost where the user does not want it; then comes the error.
void SimConnection::write_fails(int side) {
  End& end = ends[side];
  if (!end.attached || end.write_failure_told) return;
  end.write_failure_told = true;
  pipes_[side].dropped += unsent(side);
  pipes_[side].unsent.clear();
  const bool reads_on = !end.end_told && end.user->on_write_failed();
  if (!reads_on) pipes_[1 - side].inbox.clear();
  deliver(side);
}

void SimConnection::window_opens(int side) {
  End& end = ends[side];
  if (end.gone || end.reset_arrived) return;
  Pipe& pipe = pipes_[side];
  send_on(side);
  if (!pipe.unsent.empty() || !pipe.drain_owed) return;
  pipe.drain_owed = false;
  end.user->on_write_drained();
}

// Calls the end's user with everything that is due now. The user may stop reading or close the stream in any call.
void SimConnection::deliver(int side) {
  const auto keep = shared_from_this();
  End& end = ends[side];
  Pipe& incoming = pipes_[1 - side];
  while (end.attached && end.reading && !incoming.inbox.empty()) {
    const std::string piece = incoming.inbox.substr(0, kPieceMax);
    incoming.inbox.erase(0, piece.size());
    incoming.travelling -= piece.size();
    if (!incoming.unsent.empty()) {
      later(SimEvent::window, world.now + world.latency(link()),
            [from = 1 - side](SimConnection& c) { c.window_opens(from); });
    }
    end.user->on_read(piece);
  }
  if (!end.attached || end.error_told || !incoming.inbox.empty()) return;
  if (end.reset_arrived) {
    end.error_told = true;
    end.reading = false;
    end.user->on_stream_error(Error{ErrorCode::reset, "connection reset by " + addresses[1 - side].to_string()});
  } else if (end.reading && incoming.fin_arrived && !end.end_told) {
    end.end_told = true;
    end.reading = false;
    end.user->on_read_end();
  }
}

void SimConnection::start_reading(int side) {
  End& end = ends[side];
  if (end.reading || end.error_told || end.end_told) return;
  end.reading = true;
  later(SimEvent::pump, world.now, [side](SimConnection& c) { c.deliver(side); });
}

void SimConnection::close(int side, bool with_reset) {
  End& end = ends[side];
  end.attached = false;
  end.gone = true;
  end.user = nullptr;
  if (end.reset_arrived) return;
  pipes_[side].unsent.clear();
  if (with_reset || !pipes_[1 - side].inbox.empty()) return send_reset(side);
  end_writing(side);
}

namespace {

class SimStream final : public Stream {
 public:
  SimStream(std::shared_ptr<SimConnection> connection, int side) : connection_(std::move(connection)), side_(side) {
    connection_->ends[side_].attached = true;
    ++connection_->world.open_streams;
  }
  ~SimStream() override {
    --connection_->world.open_streams;
    connection_->close(side_, reset_on_close_);
  }

  void set_user(StreamUser* user) override { connection_->ends[side_].user = user; }
  void start_reading() override { connection_->start_reading(side_); }
  void stop_reading() override { connection_->ends[side_].reading = false; }
  void write(std::span<const std::string_view> pieces) override { connection_->write(side_, pieces); }
  size_t write_pending() const override { return connection_->unsent(side_); }
  size_t unacknowledged() const override { return connection_->unacknowledged(side_); }
  Unread unread() const override { return connection_->unread(side_); }
  void end_writing() override { connection_->end_writing(side_); }
  void reset_on_close() override { reset_on_close_ = true; }
  SocketAddress peer() const override { return connection_->addresses[1 - side_]; }
  SocketAddress local() const override { return connection_->addresses[side_]; }

 private:
  std::shared_ptr<SimConnection> connection_;
  int side_;
  bool reset_on_close_ = false;
};

}  // namespace

std::unique_ptr<Stream> make_sim_stream(const std::shared_ptr<SimConnection>& connection, int side) {
  return std::make_unique<SimStream>(connection, side);
}

std::shared_ptr<SimConnection> make_sim_connection(SimRuntime::World& world, const SocketAddress& client,
                                                   const SocketAddress& server) {
  return std::make_shared<SimConnection>(world, client, server);
}

void abandon_sim_side(const std::shared_ptr<SimConnection>& connection, int side) { connection->close(side, true); }

void reset_sim_connection(SimConnection& connection) {
  connection.world.schedule(connection.world.now, SimEvent::reset, connection.id,
                            [keep = connection.shared_from_this()] {
                              keep->reset_arrives(0);
                              keep->reset_arrives(1);
                            });
}

const SocketAddress& sim_server_address(const SimConnection& connection) { return connection.addresses[1]; }

}  // namespace tidegate::net
