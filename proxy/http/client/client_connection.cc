#include "http/client/client_connection.h"

#include <utility>

#include "base/assert.h"
#include "http/message/upgrade.h"

namespace tidegate::http {

namespace {

constexpr int kInterimMax = 10;

}  // namespace

ClientConnection::ClientConnection(std::unique_ptr<net::Stream> stream, const HeadLimits& limits)
    : stream_(std::move(stream)), parser_(limits) {
  stream_->set_user(this);
  set_reading(true);
}

ClientConnection::~ClientConnection() {
  if (destroyed_ != nullptr) *destroyed_ = true;
}

void ClientConnection::set_reading(bool on) {
  if (on == reading_) return;
  reading_ = on;
  on ? stream_->start_reading() : stream_->stop_reading();
}

void ClientConnection::begin_request(ClientUser* user, bool is_head_request) {
  TG_ASSERT(state_ == State::idle && user != nullptr);
  if (requests_ > 0) parser_.reset();
  state_ = State::busy;
  user_ = user;
  on_spent_ = nullptr;
  is_head_request_ = is_head_request;
  parser_.expect(is_head_request);
  protocol_ = {};
  request_written_ = false;
  received_ = false;
  request_bytes_ = 0;
  interim_count_ = 0;
  ++requests_;
  set_reading(true);
}

void ClientConnection::write(std::span<const std::string_view> pieces) {
  if (state_ != State::busy) return;
  for (const std::string_view piece : pieces) request_bytes_ += piece.size();
  stream_->write(pieces);
}

void ClientConnection::end_request() { request_written_ = true; }

void ClientConnection::pause_reading() {
  if (state_ == State::busy) set_reading(false);
}

void ClientConnection::resume_reading() {
  if (state_ == State::busy) set_reading(true);
}

bool ClientConnection::reusable() const { return state_ == State::idle; }

bool ClientConnection::find_dead() {
  TG_ASSERT(state_ == State::idle);
  if (stream_->unread() == net::Stream::Unread::nothing) return false;
  become_spent();
  return true;
}

void ClientConnection::set_on_spent(std::function<void()> on_spent) { on_spent_ = std::move(on_spent); }

// While idle nothing may arrive: a byte belongs to no request; an end or an error ends the connection.
void ClientConnection::become_spent() {
  state_ = State::spent;
  set_reading(false);
  if (const auto on_spent = std::exchange(on_spent_, nullptr)) on_spent();  // may destroy this
}

void ClientConnection::fail(ClientFailure failure, std::string_view detail) {
  state_ = State::spent;
  set_reading(false);
  std::exchange(user_, nullptr)->on_client_failure(failure, seen(), detail);  // may destroy this
}

// The end of the upstream's side acknowledges what had reached it. A reset acknowledges nothing, so without such an end
// it shows nothing: the upstream may have read the request and then reset the connection.
RequestSeen ClientConnection::seen() const {
  if (received_) return RequestSeen::yes;
  const bool none_reached_it = stream_->unacknowledged() >= request_bytes_;
  return none_reached_it && stream_->unread() == net::Stream::Unread::end ? RequestSeen::no : RequestSeen::maybe;
}

void ClientConnection::on_read(std::string_view bytes) {
  if (state_ == State::idle) return become_spent();
  if (state_ == State::spent) return;
  received_ = true;
  take(bytes);
}

void ClientConnection::take(std::string_view bytes) {
  bool destroyed = false;
  destroyed_ = &destroyed;
  for (;;) {
    const ParseEvent event = parser_.next(&bytes);
    if (!take_event(event, bytes) || destroyed || state_ != State::busy) break;
  }
  if (!destroyed) destroyed_ = nullptr;
}

bool ClientConnection::take_event(ParseEvent event, std::string_view rest) {
  switch (event) {
    case ParseEvent::head: return take_head(rest);
    case ParseEvent::body: user_->on_response_body(parser_.body()); return true;
    case ParseEvent::complete: return take_complete(rest.empty());
    case ParseEvent::error: fail(ClientFailure::bad_response, parser_.error().detail); return false;
    case ParseEvent::need_more: break;
  }
  return false;
}

bool ClientConnection::take_head(std::string_view rest) {
  const ResponseHead& head = parser_.head();
  if (head.status == kSwitchingProtocols) {
    take_switch(rest);
    return false;
  }
  if (head.status >= 200) {
    user_->on_response_head(head);
    return true;
  }
  if (++interim_count_ > kInterimMax) {
    fail(ClientFailure::bad_response, "more than 10 interim responses");
    return false;
  }
  if (head.status != 100) user_->on_interim_response(head);
  return true;
}

void ClientConnection::take_switch(std::string_view rest) {
  if (protocol_.empty()) return fail(ClientFailure::bad_response, "101 Switching Protocols without an Upgrade request");
  if (!request_written_ || !switches_to(parser_.head(), protocol_)) {
    return fail(ClientFailure::bad_response, "101 Switching Protocols to another protocol than the one asked for");
  }
  if (write_failed_) return fail(ClientFailure::reset, "the upstream closed the connection before it switched");
  state_ = State::spent;
  set_reading(false);
  std::exchange(user_, nullptr)->on_switched(parser_.head(), std::move(stream_), rest);  // may destroy this
}

bool ClientConnection::take_complete(bool nothing_left) {
  const ResponseHead& head = parser_.head();
  if (head.status < 200) {
    parser_.reset();
    parser_.expect(is_head_request_);
    return true;
  }
  const bool kept = head.keep_alive && request_written_ && nothing_left && !write_failed_;
  state_ = kept ? State::idle : State::spent;
  set_reading(kept);
  std::exchange(user_, nullptr)->on_response_complete();  // may begin the next request, or destroy this
  return false;
}

void ClientConnection::on_read_end() {
  reading_ = false;
  if (state_ == State::idle) return become_spent();
  if (state_ == State::spent) return;
  // Where the end of the connection is the end of the body, a reset must not pass for it.
  if (parser_.end_of_input() != ParseEvent::complete || write_failed_) {
    return fail(ClientFailure::reset, "the upstream closed the connection before its response was complete");
  }
  state_ = State::spent;
  std::exchange(user_, nullptr)->on_response_complete();  // may destroy this
}

bool ClientConnection::on_write_failed() {
  write_failed_ = true;
  return state_ == State::busy;
}

void ClientConnection::on_stream_error(const Error& error) {
  reading_ = false;
  if (state_ == State::idle) return become_spent();
  if (state_ == State::busy) fail(ClientFailure::reset, error.message);
}

void ClientConnection::on_write_drained() {
  if (state_ == State::busy) user_->on_request_drained();
}

}  // namespace tidegate::http
