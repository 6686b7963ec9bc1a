// The reading side of a client's connection.
#include "http/server/server_connection.h"

#include <algorithm>

#include "base/assert.h"

namespace tidegate::http {

namespace {

constexpr size_t kInputMax = 64 * 1024;
constexpr size_t kPipelinedMax = 16;
constexpr size_t kKeptInputBytes = 1024;  // an idle connection keeps no larger buffer

constexpr ParseError kBodyTooLarge = {413, "body_too_large", "the body is larger than limits.body"};

size_t count_head_ends(std::string_view bytes) {
  size_t count = 0;
  for (size_t at = bytes.find("\r\n\r\n"); at != bytes.npos; at = bytes.find("\r\n\r\n", at + 4)) ++count;
  return count;
}

}  // namespace

ServerConnection::ServerConnection(Server::Impl& server, std::unique_ptr<net::Stream> stream)
    : server_(server),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      parser_(server.limits.head),
      timer_(server.runtime, [this] { on_timer(); }) {}

ServerConnection::~ServerConnection() = default;

void ServerConnection::start() {
  stream_->set_user(this);
  stream_->start_reading();
  reading_ = true;
  state_since_ = server_.runtime.now();
  arm_timer();
}

void ServerConnection::on_read(std::string_view bytes) {
  body_progress_ = server_.runtime.now();
  if (state_ == State::lingering) return linger_read(bytes.size());
  if (input_begin_ == input_.size()) return advance(bytes);
  keep_rest(bytes);
  advance({});
}

// Takes events until nothing more can be told for now. `bytes` come after input_; one of the two is empty.
void ServerConnection::advance(std::string_view bytes) {
  TG_ASSERT(!advancing_);
  advancing_ = true;
  const bool buffered = bytes.empty();
  std::string_view rest = buffered ? std::string_view(input_).substr(input_begin_) : bytes;
  while (advance_once(&rest)) {
  }
  advancing_ = false;
  if (state_ == State::closed || state_ == State::lingering) return;
  if (buffered) {
    input_begin_ = input_.size() - rest.size();
    keep_rest({});
  } else {
    keep_rest(rest);
  }
  arm_timer();
}

bool ServerConnection::advance_once(std::string_view* bytes) {
  switch (state_) {
    case State::idle: return take_head(bytes);
    case State::exchanging:
      if (answer_ == Answer::finished) {
        end_exchange();
        return true;
      }
      return body_ == Body::coming && take_body(bytes);
    case State::draining: return drain_body(bytes);
    case State::lingering:
    case State::closed: break;
  }
  return false;
}

bool ServerConnection::take_head(std::string_view* bytes) {
  if (head_spent_ && bytes->empty()) return false;
  if (std::exchange(head_spent_, false)) parser_.reset();
  switch (parser_.next(bytes)) {
    case ParseEvent::head: begin_exchange(); return true;
    case ParseEvent::error: refuse(parser_.error()); return false;
    default:
      if (!parser_.idle() && !head_begun_) {
        head_begun_ = true;
        state_since_ = server_.runtime.now();
      }
      return false;
  }
}

void ServerConnection::begin_exchange() {
  const RequestHead& head = parser_.head();
  if (head.framing == Framing::content_length && head.content_length > server_.limits.body_bytes) {
    return refuse(kBodyTooLarge);
  }
  state_ = State::exchanging;
  head_begun_ = false;
  body_ = Body::coming;
  if (head.framing == Framing::none) {
    std::string_view nothing;
    if (parser_.next(&nothing) != ParseEvent::complete) return refuse(parser_.error());
    body_ = Body::ended;
  }
  answer_ = Answer::none;
  paused_ = false;
  closes_ = !head.keep_alive;
  continue_due_ = head.expect_continue;
  body_received_ = 0;
  body_progress_ = server_.runtime.now();
  call_service();
}

void ServerConnection::call_service() {
  std::unique_ptr<Handler> handler = server_.service.on_request(*this);
  if (state_ == State::closed) {  // aborted inside the call
    if (handler) server_.runtime.dispose(std::move(handler));
    return;
  }
  TG_ASSERT(handler != nullptr || answer_ == Answer::finished);
  handler_ = std::move(handler);
  if (answer_ == Answer::finished) return;
  if (body_ == Body::ended) handler_->on_body_end();
}

bool ServerConnection::take_body(std::string_view* bytes) {
  if (paused_) return false;
  if (!bytes->empty()) continue_due_ = false;  // the client has not waited for it
  send_continue();
  return take_body_event(parser_.next(bytes));
}

bool ServerConnection::take_body_event(ParseEvent event) {
  switch (event) {
    case ParseEvent::body:
      body_received_ += parser_.body().size();
      if (body_received_ > server_.limits.body_bytes) {
        fail_body(kBodyTooLarge);
      } else {
        handler_->on_body(parser_.body());
      }
      return true;
    case ParseEvent::complete:
      body_ = Body::ended;
      handler_->on_body_end();
      return true;
    case ParseEvent::error: fail_body(parser_.error()); return true;
    default: return false;
  }
}

void ServerConnection::fail_body(const ParseError& error) {
  body_ = Body::failed;
  closes_ = true;
  handler_->on_body_error(error);
}

// The answer is finished: what becomes of the connection.
void ServerConnection::end_exchange() {
  if (handler_) server_.runtime.dispose(std::move(handler_));
  if (closes_) return begin_linger();
  if (body_ == Body::ended) return next_request();
  state_ = State::draining;
  state_since_ = server_.runtime.now();
  discarded_ = 0;
}

bool ServerConnection::drain_body(std::string_view* bytes) {
  const ParseEvent event = parser_.next(bytes);
  if (event == ParseEvent::need_more) return false;
  if (event == ParseEvent::complete) {
    next_request();
    return true;
  }
  if (event == ParseEvent::body) discarded_ += parser_.body().size();
  if (event == ParseEvent::body && discarded_ <= kDiscardBytesMax) return true;
  begin_linger();
  return false;
}

void ServerConnection::next_request() {
  if (client_ended_ || server_.draining) return begin_linger();
  head_spent_ = true;
  state_ = State::idle;
  state_since_ = server_.runtime.now();
  waiting_ -= std::min<size_t>(waiting_, 1);
}

// Keeps what could not be parsed now, and stops reading where that has become too much.
void ServerConnection::keep_rest(std::string_view rest) {
  if (input_begin_ == input_.size()) {
    input_.clear();
    input_begin_ = 0;
    waiting_ = 0;
    if (rest.empty() && input_.capacity() > kKeptInputBytes) std::string().swap(input_);
  } else if (input_begin_ > input_.size() / 2) {
    input_.erase(0, input_begin_);
    input_begin_ = 0;
  }
  input_.append(rest);
  if (body_ == Body::ended) waiting_ += count_head_ends(rest);
  const bool room = input_.size() - input_begin_ < kInputMax && waiting_ < kPipelinedMax;
  if (room == reading_ || client_ended_) return;
  reading_ = room;
  room ? stream_->start_reading() : stream_->stop_reading();
}

void ServerConnection::pause_body() { paused_ = true; }

void ServerConnection::resume_body() {
  if (!paused_) return;
  paused_ = false;
  body_progress_ = server_.runtime.now();
  if (body_ == Body::coming && !advancing_) wake();
}

// Has advance() called in the next turn: no handler is called inside a call of its own.
void ServerConnection::wake() {
  woken_ = true;
  timer_.start_at(server_.runtime.now());
}

void ServerConnection::on_read_end() {
  client_ended_ = true;
  reading_ = false;
  switch (state_) {
    case State::exchanging:
      // A client of HTTP/1.0 may end its side once the request is whole and still wait for the answer. For all others
      // it means that they have gone (and their answers would be thrown away): RFC 9112 section 9.5.
      if (body_ == Body::ended && parser_.head().version_minor == 0 && !parser_.head().keep_alive) return;
      return lose_client();
    case State::lingering:
      if (stream_->write_pending() > 0) return;
      break;
    case State::draining:
    case State::idle:
      if (stream_->write_pending() > 0) return begin_linger();
      break;
    case State::closed: return;
  }
  close();
}

void ServerConnection::on_stream_error(const Error&) { lose_client(); }

void ServerConnection::on_write_drained() {
  write_progress_ = server_.runtime.now();
  if (state_ == State::lingering) return linger_drained();
  if (state_ == State::exchanging && handler_ && answer_ != Answer::finished) handler_->on_response_drained();
}

}  // namespace tidegate::http
