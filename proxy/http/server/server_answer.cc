// The answering side of a client's connection: framing, persistence, and as few writes as can be.
#include <array>

#include "base/assert.h"
#include "http/message/writer.h"
#include "http/server/server_connection.h"

namespace tidegate::http {

namespace {

constexpr size_t kHeldChunkMax = 4096;  // a smaller chunk is copied, to leave in one write with what follows it
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

bool has_date(std::string_view head) {
  for (size_t at = head.find('\n'); at != head.npos; at = head.find('\n', at + 1)) {
    if (iequals(head.substr(at + 1, 5), "date:")) return true;
  }
  return false;
}

bool forbids_body(uint16_t status) { return status == 204 || status == 304; }

}  // namespace

bool ServerConnection::is_body_rest_too_long() const {
  const RequestHead& head = parser_.head();
  return body_ == Body::coming && head.framing == Framing::content_length &&
         head.content_length - body_received_ > kDiscardBytesMax;
}

void ServerConnection::choose_coding(uint16_t status, uint64_t length) {
  const RequestHead& head = parser_.head();
  answer_left_ = length;
  if (head.method == "HEAD" || forbids_body(status)) {
    coding_ = Coding::none;
  } else if (length != kUnknownLength) {
    coding_ = Coding::counted;
  } else if (head.version_minor > 0) {
    coding_ = Coding::chunked;
  } else {
    coding_ = Coding::until_close;
  }
}

void ServerConnection::send_head(uint16_t status, std::string_view head_without_end, uint64_t length) {
  TG_ASSERT(state_ == State::exchanging && answer_ == Answer::none && status >= 200);
  answer_ = Answer::begun;
  server_.service.on_answer(parser_.head(), status);
  choose_coding(status, length);
  // A client that still waits for 100 Continue may or may not send its body now: only closing is safe.
  closes_ = closes_ || server_.draining || continue_due_ || coding_ == Coding::until_close || is_body_rest_too_long();
  continue_due_ = false;
  hold();
  output_.append(head_without_end);
  append_own_fields(head_without_end, status, length);
}

void ServerConnection::append_own_fields(std::string_view head, uint16_t status, uint64_t length) {
  if (!has_date(head)) output_.append(server_.date_field());
  HeadWriter writer(output_);
  const bool tells_length = length != kUnknownLength && status != 204 && (status != 304 || length > 0);
  if (tells_length) writer.field("Content-Length", length);
  if (coding_ == Coding::chunked) writer.field("Transfer-Encoding", "chunked");
  if (closes_) {
    writer.field("Connection", "close");
  } else if (parser_.head().version_minor == 0) {
    writer.field("Connection", "keep-alive");
  }
  writer.end();
}

void ServerConnection::send_body(std::string_view piece) {
  TG_ASSERT(state_ == State::exchanging && answer_ == Answer::begun);
  if (coding_ == Coding::none || piece.empty()) return;
  if (coding_ == Coding::chunked) return send_chunk(piece);
  if (coding_ == Coding::counted) {
    TG_ASSERT(piece.size() <= answer_left_);
    answer_left_ -= piece.size();
  }
  const std::array pieces = {std::string_view(output_), piece};
  write(pieces);
}

void ServerConnection::send_chunk(std::string_view piece) {
  char buffer[24];
  const std::string_view header = chunk_header(piece.size(), buffer);
  if (output_.size() + piece.size() <= kHeldChunkMax) {
    hold();
    output_.append(header).append(piece).append(kChunkEnd);
    return;
  }
  const std::array pieces = {std::string_view(output_), header, piece, kChunkEnd};
  write(pieces);
}

void ServerConnection::finish() {
  TG_ASSERT(state_ == State::exchanging && answer_ == Answer::begun);
  if (coding_ == Coding::counted && answer_left_ > 0) return abort();
  if (coding_ == Coding::chunked) {
    hold();
    output_.append(kLastChunk);
  }
  flush();
  answer_ = Answer::finished;
  if (advancing_) return;
  end_exchange();
  if (state_ == State::closed || state_ == State::lingering) return;
  keep_rest({});
  if (input_begin_ < input_.size()) wake();
  arm_timer();
}

void ServerConnection::abort() {
  if (state_ != State::exchanging) return;
  stream_->reset_on_close();
  close();
}

size_t ServerConnection::write_pending() const { return stream_ ? stream_->write_pending() : 0; }

void ServerConnection::send_continue() {
  if (!continue_due_ || answer_ != Answer::none) return;
  continue_due_ = false;
  write(std::span(&kContinue, 1));
}

void ServerConnection::hold() {
  if (held_) return;
  held_ = true;
  output_ = server_.hold(this);
}

// REQUIRES that output_ is the first of the pieces, if it holds anything.
void ServerConnection::write(std::span<const std::string_view> pieces) {
  const size_t pending = stream_->write_pending();
  if (pending == 0) write_progress_ = server_.runtime.now();
  for (const std::string_view piece : pieces) written_ += piece.size();
  stream_->write(pieces);
  if (held_) server_.release(this, std::move(output_));
  held_ = false;
  output_.clear();
  if (pending == 0 && stream_->write_pending() > 0) arm_timer();
}

void ServerConnection::flush() {
  if (!held_) return;
  const std::string_view held = output_;
  write(std::span(&held, 1));
}

}  // namespace tidegate::http
