// How a client's connection ends: by its limits in time, by the client, by the server.
#include <algorithm>
#include <utility>

#include "http/server/server_connection.h"

namespace tidegate::http {

namespace {

constexpr ParseError kHeadersTimeout = {408, "client_timeout",
                                        "the request headers did not arrive within limits.header_timeout"};
constexpr ParseError kBodyTimeout = {408, "client_timeout", "the body did not arrive within limits.body_timeout"};

}  // namespace

Awaits ServerConnection::awaits() const {
  switch (state_) {
    case State::idle: return Awaits::request;
    case State::reading_headers: return Awaits::headers;
    case State::exchanging: return body_.coming() && !body_.paused() ? Awaits::body : Awaits::nothing;
    case State::draining: return Awaits::rest_of_body;
    case State::lingering:
    case State::switched:
    case State::closed: break;
  }
  return Awaits::nothing;
}

Time ServerConnection::waiting_since() const {
  if (state_ == State::switched) return Time::max();
  const bool is_at_work = state_ == State::exchanging && awaits() == Awaits::nothing && write_pending() == 0;
  return is_at_work ? Time::max() : deadlines_.since();
}

// A stalled write is looked for four times in its limit, because the stream tells only when all has been written.
void ServerConnection::arm_timer() {
  Time due = deadlines_.due(awaits());
  if (stream_->write_pending() > 0) due = std::min(due, now() + response_.write_timeout() / 4);
  if (due != Time::max() && (!timer_.active() || due < timer_.deadline())) timer_.start_at(due);
}

void ServerConnection::on_timer() {
  if (std::exchange(woken_, false)) return advance({});
  if (response_.has_stalled(now())) {
    stream_->reset_on_close();
    return lose_client();
  }
  const Awaits what = awaits();
  if (now() >= deadlines_.due(what)) on_expired(what);
  if (state_ != State::closed && state_ != State::lingering) arm_timer();
}

void ServerConnection::on_expired(Awaits what) {
  switch (what) {
    case Awaits::request: return has_unread_bytes(*stream_) ? void() : close();  // a request would be lost
    case Awaits::headers: return refuse(kHeadersTimeout);
    case Awaits::body: return fail_body(kBodyTimeout);
    case Awaits::rest_of_body: return begin_linger();
    case Awaits::nothing: return;
  }
}

void ServerConnection::on_write_drained() {
  if (is_responding()) handler_->on_response_drained();
}

void ServerConnection::on_read_end() {
  client_ended_ = true;
  reading_ = false;
  if (state_ == State::exchanging) {
    // A client of HTTP/1.0 may end its side once the request is whole and still wait for the response. For all others
    // it means that they have gone (and their responses would be discarded): RFC 9112 section 9.5.
    const bool waits = body_.ended() && parser_.head().version_minor == 0 && !parser_.head().keep_alive;
    return waits ? void() : lose_client();
  }
  if (state_ == State::closed) return;
  stream_->write_pending() > 0 ? begin_linger() : close();
}

void ServerConnection::on_stream_error(const Error&) { lose_client(); }

void ServerConnection::refuse(const ParseError& error) {
  response_.send_refusal(error.status, server_.service.on_refused(error, peer_), parser_.is_to_head());
  begin_linger();
}

void ServerConnection::begin_linger() {
  state_ = State::lingering;
  timer_.stop();
  input_.discard();
  response_.flush();
  linger_.emplace(server_, *stream_, response_, static_cast<LingeringClose::Owner&>(*this));
  linger_->start(client_ended_);
}

void ServerConnection::on_linger_over(bool reset) {
  if (reset) stream_->reset_on_close();
  close();
}

void ServerConnection::end_with(void (Handler::*last_call)()) {
  if (state_ == State::closed) return;
  if (is_responding()) {
    state_ = State::closed;  // the Responder is dead from here on
    (*handler_.*last_call)();
    state_ = State::exchanging;
  }
  close();
}

void ServerConnection::end_by_force() {
  if (state_ == State::exchanging || state_ == State::switched) stream_->reset_on_close();
  end_with(&Handler::on_server_ended);
}

void ServerConnection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  response_.discard();
  if (handler_) server_.runtime.dispose(std::move(handler_));
  stream_.reset();
  timer_.stop();
  if (linger_) linger_->stop();
  server_.remove(this);
}

}  // namespace tidegate::http
