// The ends of a client's connection.
//
// An answer that is followed by closing must reach the client even while it still sends: closing with unread bytes
// makes the kernel send RST, which may destroy the answer before it is read. So our side is ended first, and what comes
// is read and thrown away until the client ends its side, within a bound of bytes and time (RFC 9112 section 9.6).
#include <utility>

#include "http/message/writer.h"
#include "http/server/server_connection.h"

namespace tidegate::http {

void ServerConnection::refuse(const ParseError& error) {
  const Service::Refusal refusal = server_.service.on_refused(error, peer_);
  hold();
  HeadWriter writer(output_);
  writer.status_line(error.status);
  if (!refusal.content_type.empty()) writer.field("Content-Type", refusal.content_type);
  output_.append(refusal.fields);
  output_.append(server_.date_field());
  writer.field("Content-Length", refusal.body.size());
  writer.field("Connection", "close");
  writer.end();
  output_.append(refusal.body);
  begin_linger();
}

void ServerConnection::begin_linger() {
  flush();
  state_ = State::lingering;
  state_since_ = server_.runtime.now();
  discarded_ = 0;
  std::string().swap(input_);
  input_begin_ = 0;
  if (client_ended_ && stream_->write_pending() == 0) return close();
  stream_->end_writing();
  if (!reading_ && !client_ended_) {
    reading_ = true;
    stream_->start_reading();
  }
  arm_timer();
}

void ServerConnection::linger_read(size_t bytes) {
  discarded_ += bytes;
  if (discarded_ <= kDiscardBytesMax) return;
  if (stream_->write_pending() == 0) return close();
  reading_ = false;  // the answer is not out yet: let the client wait
  stream_->stop_reading();
}

void ServerConnection::linger_drained() {
  if (client_ended_ || discarded_ > kDiscardBytesMax) return close();
  state_since_ = server_.runtime.now();
  arm_timer();
}

void ServerConnection::close() {
  if (state_ == State::closed) return;
  state_ = State::closed;
  if (held_) server_.release(this, std::move(output_));
  held_ = false;
  if (handler_) server_.runtime.dispose(std::move(handler_));
  stream_.reset();
  timer_.stop();
  server_.remove(this);
}

// The client has gone, or is thrown out: the handler hears of it as its last call.
void ServerConnection::lose_client() {
  if (state_ == State::closed) return;
  if (handler_ && answer_ != Answer::finished) {
    state_ = State::closed;  // the Responder is dead from here on
    handler_->on_client_gone();
    state_ = State::exchanging;
  }
  close();
}

void ServerConnection::close_if_idle() {
  if (state_ == State::idle && !head_begun_ && input_begin_ == input_.size()) close();
}

void ServerConnection::end_by_force() {
  if (state_ == State::exchanging) stream_->reset_on_close();
  lose_client();
}

}  // namespace tidegate::http
