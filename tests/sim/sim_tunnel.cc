#include "sim/sim_tunnel.h"

#include <algorithm>
#include <utility>

namespace tidegate::sim {

namespace {

constexpr size_t kPieceMax = 30'000;

char byte_at(TunnelSide side, uint64_t place) {
  const uint64_t mixed = (place + 1) * 0x9e3779b97f4a7c15 + static_cast<uint64_t>(side);
  return static_cast<char>(mixed >> 56);
}

TunnelSide other(TunnelSide side) { return side == TunnelSide::client ? TunnelSide::upstream : TunnelSide::client; }

}  // namespace

TunnelPeer::TunnelPeer(net::SimRuntime& runtime, TunnelSide side, uint64_t seed, TunnelLog& log,
                       std::function<void(bool reset)> over)
    : side_(side),
      random_(seed),
      log_(log),
      over_(std::move(over)),
      left_(random_.below(random_.chance(0.2) ? 400'000 : 2'000)),
      timer_(runtime, [this] { act(); }) {}

void TunnelPeer::begin(net::Stream& stream, std::string_view received) {
  stream_ = &stream;
  stream_->set_user(this);
  stream_->start_reading();
  timer_.start_after(1ms);
  if (!received.empty()) on_read(received);
}

std::string TunnelPeer::next_bytes(size_t count) {
  count = static_cast<size_t>(std::min<uint64_t>(count, left_));
  std::string bytes;
  while (bytes.size() < count) bytes += byte_at(side_, log_.sent++);
  left_ -= count;
  return bytes;
}

void TunnelPeer::act() {
  if (silent_) {  // for longer than Tidegate waits: it has been reset, unless it reads no more behind the other's end
    log_.hung = !log_.got_end;
    return end(true);
  }
  const double what = random_.uniform();
  if (what < 0.5) stream_->write(next_bytes(1 + random_.below(kPieceMax)));
  else if (what < 0.6) stream_->stop_reading();
  else if (what < 0.7) stream_->start_reading();
  else if (what < 0.71) return end(true);
  if (left_ == 0 && random_.chance(0.5)) return finish_sending();
  timer_.start_after(Duration(static_cast<int64_t>(random_.below(300'000'000))));
}

// Ends its side, but for a few that say nothing more for ever.
void TunnelPeer::finish_sending() {
  stream_->start_reading();
  silent_ = log_.broke = random_.chance(0.1);
  if (silent_) return timer_.start_after(60s);
  log_.ended = true;
  stream_->end_writing();
  end_if_finished();
}

// Both sides have ended, and the network has all that this one sent: to close before would take some of it back.
void TunnelPeer::end_if_finished() {
  if (log_.ended && log_.got_end && stream_->write_pending() == 0) end(false);
}

void TunnelPeer::on_read(std::string_view bytes) {
  for (const char byte : bytes) log_.in_order = log_.in_order && byte == byte_at(other(side_), log_.received++);
}

void TunnelPeer::on_read_end() {
  log_.got_end = true;
  end_if_finished();
}

void TunnelPeer::end(bool reset) {
  detach();
  log_.broke = log_.broke || reset;
  over_(reset);
}

void TunnelPeer::detach() {
  log_.over = true;
  stream_ = nullptr;
  timer_.stop();
}

SimTunnelClient::SimTunnelClient(net::SimRuntime& runtime, const SocketAddress& to, std::string id, Time starts,
                                 uint64_t seed)
    : runtime_(runtime),
      to_(to),
      id_(std::move(id)),
      random_(seed),
      peer_(runtime, TunnelSide::client, random_.next(), log_,
            [this](bool reset) {
              if (reset) stream_->reset_on_close();
              stream_.reset();
            }),
      timer_(runtime, [this] { start(); }) {
  timer_.start_at(starts);
}

void SimTunnelClient::start() {
  connecting_ = runtime_.connect(to_, [this](Result<std::unique_ptr<net::Stream>> stream) {
    if (!stream) return;
    stream_ = std::move(*stream);
    stream_->set_user(this);
    stream_->start_reading();
    std::string request =
        "GET /tunnel HTTP/1.1\r\nHost: sim\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nx-sim-id: " + id_ +
        "\r\n\r\n";
    if (random_.chance(0.2)) request += peer_.next_bytes(random_.below(kPieceMax));  // as if the 101 had come already
    stream_->write(request);
  });
}

void SimTunnelClient::on_read(std::string_view bytes) {
  head_ += bytes;
  const size_t end = head_.find("\r\n\r\n");
  if (end == head_.npos) return;
  if (!head_.starts_with("HTTP/1.1 101 ")) return leave();
  opened_ = true;
  peer_.begin(*stream_, std::string_view(head_).substr(end + 4));
}

void SimTunnelClient::leave() { stream_.reset(); }

}  // namespace tidegate::sim
