#include "core/exchange/tunnel.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace tidegate::core {

namespace {

// For the other side of one that has closed for good, to end too.
constexpr Duration kLingerMax = 1s;
constexpr int kLooks = 4;  // within a limit

}  // namespace

const char* to_string(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::client_closed: return "closed by the client";
    case TunnelEnd::upstream_closed: return "closed by the upstream";
    case TunnelEnd::client_left: return "closed by the client, before it had taken all";
    case TunnelEnd::upstream_left: return "closed by the upstream, before it had taken all";
    case TunnelEnd::client_reset: return "reset by the client";
    case TunnelEnd::upstream_reset: return "reset by the upstream";
    case TunnelEnd::idle: return "no byte for timeout.tunnel_idle";
    case TunnelEnd::half_closed_silent:
      return "one side had ended, and there was no byte of the other for timeout.idle";
  }
  TG_ASSERT(false);
}

policy::Outcome outcome_of(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::client_closed:
    case TunnelEnd::upstream_closed:
    case TunnelEnd::client_left:
    case TunnelEnd::upstream_left: return policy::Outcome::proxied;
    case TunnelEnd::client_reset: return policy::Outcome::client_closed;
    case TunnelEnd::upstream_reset: return policy::Outcome::reset;
    case TunnelEnd::idle:
    case TunnelEnd::half_closed_silent: return policy::Outcome::timeout;
  }
  TG_ASSERT(false);
}

bool resets(TunnelEnd end) { return end != TunnelEnd::client_closed && end != TunnelEnd::upstream_closed; }

Tunnel::Tunnel(net::Runtime& runtime, net::Stream& client, std::unique_ptr<net::Stream> upstream, const Limits& limits,
               TunnelUser& user)
    : runtime_(runtime),
      upstream_(std::move(upstream)),
      limits_(limits),
      user_(user),
      client_side_(*this, client),
      upstream_side_(*this, *upstream_),
      timer_(runtime, [this] { on_timer(); }) {
  client.set_user(&client_side_);
  upstream_->set_user(&upstream_side_);
}

void Tunnel::start(const Opening& opening) {
  const std::array to_client{opening.head, opening.from_upstream};
  client_side_.stream.write(to_client);
  if (!opening.from_client.empty()) upstream_->write(opening.from_client);
  upstream_side_.relayed = opening.from_upstream.size();
  client_side_.relayed = opening.from_client.size();
  balance(client_side_);
  balance(upstream_side_);
  note_activity();
  arm_timer();
}

void Tunnel::relay(Side& from, std::string_view bytes) {
  Side& to = other(from);
  if (to.takes_nothing) return;
  note_activity();
  from.relayed += bytes.size();
  to.stream.write(bytes);
  balance(from);
}

// Reads from a side while the other takes what it sends.
void Tunnel::balance(Side& from) {
  if (from.ended) return;
  other(from).pending() <= kUnsentMax ? from.stream.start_reading() : from.stream.stop_reading();
}

void Tunnel::on_drained(Side& side) {
  note_activity();
  balance(other(side));
  end_if_flushed();
}

void Tunnel::on_end_of(Side& side) {
  side.ended = true;
  if (state_ == State::open) {
    state_ = State::half_closed;
    closed_by_ = &side == &client_side_ ? TunnelEnd::client_closed : TunnelEnd::upstream_closed;
  } else {
    state_ = State::flushing;
  }
  other(side).stream.end_writing();
  note_activity();
  end_if_flushed();
}

// It has closed, and what it sent before is read to its end.
bool Tunnel::on_write_failure_of(Side& side) {
  side.takes_nothing = true;
  balance(other(side));  // to be dropped
  return true;
}

// A side that has ended, and does not take what it is sent, has closed its connection: that is no reset of what it
// sent.
void Tunnel::on_error_of(Side& side) {
  if (!side.ended) return end(&side == &client_side_ ? TunnelEnd::client_reset : TunnelEnd::upstream_reset);
  side.takes_nothing = true;
  balance(other(side));
  note_activity();
  end_if_flushed();
}

// Whether the side has been given all. A reset would take back what it has not acknowledged.
bool Tunnel::has_all(Side& side) {
  if (side.takes_nothing) return true;
  return other(side).takes_nothing ? side.stream.unacknowledged() == 0 : side.pending() == 0;
}

void Tunnel::end_if_flushed() {
  if (state_ == State::flushing && has_all(client_side_) && has_all(upstream_side_)) return end(close());
  arm_timer();
}

// One side has closed, and the other has all of it: it needs no more than to end its own side.
bool Tunnel::is_lingering() {
  const auto left_alone = [this](Side& side) { return has_left(side) && has_all(other(side)); };
  return left_alone(client_side_) || left_alone(upstream_side_);
}

Duration Tunnel::limit() {
  if (state_ == State::open) return limits_.idle;
  return is_lingering() ? std::min(kLingerMax, limits_.half_closed) : limits_.half_closed;
}

Duration Tunnel::look_interval() {
  const bool waits_for_all = has_left(client_side_) || has_left(upstream_side_);
  return (waits_for_all ? std::min(kLingerMax, limits_.half_closed) : limit()) / kLooks;
}

// Whether the side has acknowledged some of what waited for it at the last look. The kernel holds megabytes, which take
// a slow side minutes, and no stream tells of it.
bool Tunnel::takes_some(Side& side) {
  const size_t now = side.takes_nothing ? 0 : side.stream.unacknowledged();
  const size_t before = std::exchange(side.unacknowledged, now);
  return before > 0 && now != before;
}

// Bytes only note the time: the timer finds out when it fires.
void Tunnel::arm_timer() {
  const Time due = std::min(active_at_ + limit(), runtime_.now() + look_interval());
  if (!timer_.active() || due < timer_.deadline()) timer_.start_at(due);
}

void Tunnel::on_timer() {
  const bool client_takes = takes_some(client_side_);
  const bool upstream_takes = takes_some(upstream_side_);
  if (client_takes || upstream_takes) note_activity();
  if (runtime_.now() < active_at_ + limit()) return end_if_flushed();
  if (is_lingering()) return end(close());
  end(state_ == State::open ? TunnelEnd::idle : TunnelEnd::half_closed_silent);
}

TunnelEnd Tunnel::close() const {
  if (client_side_.takes_nothing) return TunnelEnd::client_left;
  return upstream_side_.takes_nothing ? TunnelEnd::upstream_left : closed_by_;
}

void Tunnel::cut() { leave(true); }

void Tunnel::end(TunnelEnd how) {
  TG_ASSERT(state_ != State::over);
  leave(resets(how));
  user_.on_tunnel_over(how);
}

void Tunnel::leave(bool by_reset) {
  state_ = State::over;
  timer_.stop();
  if (by_reset) upstream_->reset_on_close();
  upstream_.reset();
}

}  // namespace tidegate::core
