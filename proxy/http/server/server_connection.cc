#include "http/server/server_connection.h"

#include <utility>

#include "base/assert.h"

namespace tidegate::http {

namespace {

constexpr ParseError kBodyTooLarge = {413, "body_too_large", "the body is larger than limits.body"};

using Persistence = ResponseWriter::Persistence;

}  // namespace

ServerConnection::ServerConnection(Server::Impl& server, std::unique_ptr<net::Stream> stream)
    : server_(server),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      parser_(server.limits.head, server.limits.paths),
      response_(server, *stream_, *this),
      deadlines_(server.limits),
      timer_(server.runtime, [this] { on_timer(); }) {}

ServerConnection::~ServerConnection() = default;

void ServerConnection::start() {
  stream_->set_user(this);
  stream_->start_reading();
  reading_ = true;
  enter(State::idle);
  arm_timer();
}

void ServerConnection::enter(State state) {
  state_ = state;
  deadlines_.restart(now());
}

void ServerConnection::on_read(std::string_view bytes) {
  deadlines_.note_arrival(now());
  if (input_.empty()) return advance(bytes);
  keep(bytes);
  advance({});
}

// Takes events until there is nothing more to do for now. `bytes` come after input_; one of the two is empty.
void ServerConnection::advance(std::string_view bytes) {
  TG_ASSERT(unparsed_ == nullptr);
  const bool buffered = bytes.empty();
  std::string_view rest = buffered ? input_.view() : bytes;
  unparsed_ = &rest;
  while (advance_once(&rest)) {
  }
  unparsed_ = nullptr;
  if (state_ == State::closed || state_ == State::lingering) return;
  if (buffered) input_.keep_last(rest.size());
  keep(buffered ? std::string_view() : rest);
  arm_timer();
}

bool ServerConnection::advance_once(std::string_view* bytes) {
  switch (state_) {
    case State::idle:
    case State::reading_headers: return take_headers(bytes);
    case State::exchanging:
      if (response_.state() == ResponseWriter::State::finished) {
        end_exchange();
        return true;
      }
      return body_.coming() && take_body(bytes);
    case State::draining: return drain_body(bytes);
    case State::lingering:
    case State::switched:
    case State::closed: break;
  }
  return false;
}

bool ServerConnection::take_headers(std::string_view* bytes) {
  if (parser_.complete() && bytes->empty()) return false;  // it holds the last request, for a handler being disposed
  parser_.begin_message(server_.limits.head, server_.limits.paths);
  switch (parser_.next(bytes)) {
    case ParseEvent::head: begin_exchange(); return true;
    case ParseEvent::error: refuse(parser_.error()); return false;
    default:
      if (state_ == State::idle && !parser_.idle()) enter(State::reading_headers);
      return false;
  }
}

void ServerConnection::begin_exchange() {
  const RequestHead& head = parser_.head();
  if (!body_.begin(head, server_.limits.body_bytes)) return refuse(kBodyTooLarge);
  state_ = State::exchanging;
  if (head.framing == Framing::none) {
    std::string_view nothing;
    if (parser_.next(&nothing) != ParseEvent::complete) return refuse(parser_.error());
    body_.end();
  }
  response_.reset();
  closes_ = !head.keep_alive;
  deadlines_.begin_request(now());
  call_service();
}

void ServerConnection::call_service() {
  std::unique_ptr<Handler> handler = server_.service.on_request(*this);
  if (state_ == State::closed) {  // aborted inside the call
    if (handler) server_.runtime.dispose(std::move(handler));
    return;
  }
  TG_ASSERT(handler != nullptr || response_.state() == ResponseWriter::State::finished);
  handler_ = std::move(handler);
  if (is_responding() && body_.ended()) handler_->on_body_end();
}

bool ServerConnection::take_body(std::string_view* bytes) {
  if (body_.paused()) return false;
  if (body_.begins_to_be_wanted(!bytes->empty())) response_.send_continue();
  return take_body_event(parser_.next(bytes));
}

bool ServerConnection::take_body_event(ParseEvent event) {
  switch (event) {
    case ParseEvent::body:
      if (!body_.add(parser_.body().size())) fail_body(kBodyTooLarge);
      else handler_->on_body(parser_.body());
      return true;
    case ParseEvent::complete:
      body_.end();
      handler_->on_body_end();
      return true;
    case ParseEvent::error: fail_body(parser_.error()); return true;
    default: return false;
  }
}

void ServerConnection::fail_body(const ParseError& error) {
  body_.fail();
  closes_ = true;
  handler_->on_body_error(error);
}

// The response is finished: what becomes of the connection.
void ServerConnection::end_exchange() {
  if (handler_) server_.runtime.dispose(std::move(handler_));
  if (closes_) return begin_linger();
  if (body_.ended()) return next_request();
  enter(State::draining);
}

bool ServerConnection::drain_body(std::string_view* bytes) {
  const ParseEvent event = body_.discard(parser_, bytes);
  if (event == ParseEvent::error) begin_linger();
  if (event == ParseEvent::complete) next_request();
  return event == ParseEvent::complete;
}

void ServerConnection::next_request() {
  if (client_ended_) return begin_linger();
  enter(State::idle);
  input_.request_taken();
}

void ServerConnection::keep(std::string_view rest) {
  if (!rest.empty()) input_.append(rest, body_.ended());
  update_reading();
}

// Reads from the socket while there is room for what arrives.
void ServerConnection::update_reading() {
  const bool wanted = !input_.is_full();
  if (wanted == reading_ || client_ended_) return;
  reading_ = wanted;
  wanted ? stream_->start_reading() : stream_->stop_reading();
}

void ServerConnection::resume_body() {
  if (!body_.paused()) return;
  body_.set_paused(false);
  deadlines_.note_arrival(now());
  if (body_.coming() && unparsed_ == nullptr) wake();
}

// Has advance() called in the next event-loop iteration: no handler is called inside a call of its own.
void ServerConnection::wake() {
  woken_ = true;
  timer_.start_at(now());
}

void ServerConnection::send_head(uint16_t status, std::string_view head_without_end, uint64_t length) {
  TG_ASSERT(state_ == State::exchanging);
  const RequestHead& head = parser_.head();
  response_.begin(head, status, length);
  server_.service.on_response(head, status);
  // A client that still waits for 100 Continue may or may not send its body now: only closing is safe.
  closes_ = closes_ || body_.continue_due() || response_.ends_with_connection() || body_.is_rest_too_long(head);
  // Requests that wait are served first, but not without end: a client that always has one more would never leave.
  if (server_.announces_close && !closes_)
    closes_ = !has_next_request() || ++served_ahead_ > InputBuffer::kPipelinedMax;
  body_.response_begins();
  const Persistence stays = head.version_minor == 0 ? Persistence::keep_alive : Persistence::implied;
  response_.send_headers(head_without_end, closes_ ? Persistence::close : stays);
}

// A byte of it has arrived behind the request, which is whole.
bool ServerConnection::has_next_request() const {
  const bool is_buffered = unparsed_ != nullptr ? !unparsed_->empty() : !input_.empty();
  return body_.ended() && !client_ended_ && (is_buffered || has_unread_bytes(*stream_));
}

void ServerConnection::send_body(std::string_view piece) {
  TG_ASSERT(state_ == State::exchanging);
  response_.send_body(piece);
}

Responder::Switched ServerConnection::switch_protocols() {
  TG_ASSERT(state_ == State::exchanging && body_.ended() && !client_ended_ && unparsed_ == nullptr);
  enter(State::switched);
  timer_.stop();
  return {*stream_, input_.take()};
}

void ServerConnection::finish() {
  if (state_ == State::switched) return close();
  TG_ASSERT(state_ == State::exchanging);
  if (!response_.finish()) return abort();
  if (unparsed_ != nullptr) return;
  end_exchange();
  if (state_ == State::closed || state_ == State::lingering) return;
  update_reading();
  if (!input_.empty()) wake();
  arm_timer();
}

void ServerConnection::abort() {
  if (state_ != State::exchanging && state_ != State::switched) return;
  stream_->reset_on_close();
  close();
}

}  // namespace tidegate::http
