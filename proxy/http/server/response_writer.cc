#include "http/server/response_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "http/message/writer.h"

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

void ResponseWriter::begin(const RequestHead& request, uint16_t status, uint64_t length) {
  TG_ASSERT(state_ == State::none && status >= 200);
  state_ = State::begun;
  status_ = status;
  length_ = length;
  body_left_ = length;
  if (request.method == "HEAD" || forbids_body(status)) {
    framing_ = BodyFraming::none;
  } else if (length != Responder::kUnknownLength) {
    framing_ = BodyFraming::counted;
  } else {
    framing_ = request.version_minor > 0 ? BodyFraming::chunked : BodyFraming::until_close;
  }
}

void ResponseWriter::send_headers(std::string_view head, Persistence persistence) {
  hold();
  held_.append(head);
  if (!has_date(head)) held_.append(server_.date_field());
  HeadWriter writer(held_);
  const bool states_length = length_ != Responder::kUnknownLength && status_ != 204 && (status_ != 304 || length_ > 0);
  if (states_length) writer.field("Content-Length", length_);
  if (framing_ == BodyFraming::chunked) writer.field("Transfer-Encoding", "chunked");
  if (persistence == Persistence::close) writer.field("Connection", "close");
  if (persistence == Persistence::keep_alive) writer.field("Connection", "keep-alive");
  writer.end();
}

void ResponseWriter::send_body(std::string_view piece) {
  TG_ASSERT(state_ == State::begun);
  if (framing_ == BodyFraming::none || piece.empty()) return;
  if (framing_ == BodyFraming::chunked) return send_chunk(piece);
  if (framing_ == BodyFraming::counted) {
    TG_ASSERT(piece.size() <= body_left_);
    body_left_ -= piece.size();
  }
  const std::array pieces = {std::string_view(held_), piece};
  write(pieces);
}

void ResponseWriter::send_chunk(std::string_view piece) {
  char buffer[24];
  const std::string_view header = chunk_header(piece.size(), buffer);
  if (held_.size() + piece.size() <= kHeldChunkMax) {
    hold();
    held_.append(header).append(piece).append(kChunkEnd);
    return;
  }
  const std::array pieces = {std::string_view(held_), header, piece, kChunkEnd};
  write(pieces);
}

bool ResponseWriter::finish() {
  TG_ASSERT(state_ == State::begun);
  if (framing_ == BodyFraming::counted && body_left_ > 0) return false;
  if (framing_ == BodyFraming::chunked) {
    hold();
    held_.append(kLastChunk);
  }
  flush();
  state_ = State::finished;
  return true;
}

void ResponseWriter::send_continue() { write(std::span(&kContinue, 1)); }

void ResponseWriter::send_interim(const RequestHead& request, std::string_view head) {
  TG_ASSERT(state_ == State::none);
  if (request.version_minor == 0 || interim_sent_ == Responder::kInterimMax) return;
  ++interim_sent_;
  const std::array pieces = {head, std::string_view("\r\n")};
  write(pieces);
}

void ResponseWriter::send_refusal(uint16_t status, const Service::Refusal& refusal, bool to_head) {
  hold();
  HeadWriter writer(held_);
  writer.status_line(status);
  if (!refusal.content_type.empty()) writer.field("Content-Type", refusal.content_type);
  held_.append(refusal.fields);
  held_.append(server_.date_field());
  writer.field("Content-Length", refusal.body.size());
  writer.field("Connection", "close");
  writer.end();
  if (!to_head) held_.append(refusal.body);
}

void ResponseWriter::hold() {
  if (is_held_) return;
  is_held_ = true;
  held_ = server_.hold(this);
}

void ResponseWriter::discard() {
  if (is_held_) server_.release(this, std::move(held_));
  is_held_ = false;
  held_.clear();
}

// REQUIRES that held_ is the first of the pieces, if it holds anything.
void ResponseWriter::write(std::span<const std::string_view> pieces) {
  const bool was_idle = stream_.write_pending() == 0;
  if (was_idle) progress_at_ = server_.runtime.now();
  for (const std::string_view piece : pieces) written_ += piece.size();
  stream_.write(pieces);
  discard();
  if (was_idle && stream_.write_pending() > 0) owner_.on_write_blocked();
}

void ResponseWriter::flush() {
  if (!is_held_) return;
  const std::string_view held = held_;
  write(std::span(&held, 1));
}

bool ResponseWriter::has_stalled(Time now) {
  const uint64_t taken = written_ - std::min<uint64_t>(written_, stream_.unacknowledged());
  if (taken != acknowledged_) {
    acknowledged_ = taken;
    progress_at_ = now;
  }
  return stream_.write_pending() > 0 && now >= progress_at_ + write_timeout_;
}

}  // namespace tidegate::http
