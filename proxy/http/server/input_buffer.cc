#include "http/server/input_buffer.h"

#include <algorithm>

namespace tidegate::http {

namespace {

constexpr size_t kBytesMax = 64 * 1024;
constexpr size_t kIdleCapacityMax = 1024;  // an idle connection keeps no larger buffer

size_t count_header_ends(std::string_view bytes) {
  size_t count = 0;
  for (size_t at = bytes.find("\r\n\r\n"); at != bytes.npos; at = bytes.find("\r\n\r\n", at + 4)) ++count;
  return count;
}

}  // namespace

void InputBuffer::keep_last(size_t left) {
  begin_ = bytes_.size() - left;
  compact();
  if (empty() && bytes_.capacity() > kIdleCapacityMax) discard();
}

void InputBuffer::append(std::string_view bytes, bool may_hold_requests) {
  compact();
  bytes_.append(bytes);
  if (may_hold_requests) requests_ += count_header_ends(bytes);
}

void InputBuffer::compact() {
  if (empty()) {
    bytes_.clear();
    begin_ = 0;
    requests_ = 0;
  } else if (begin_ > bytes_.size() / 2) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
}

void InputBuffer::request_taken() { requests_ -= std::min<size_t>(requests_, 1); }

std::string InputBuffer::take() {
  std::string rest(view());
  discard();
  return rest;
}

void InputBuffer::discard() {
  std::string().swap(bytes_);
  begin_ = 0;
  requests_ = 0;
}

bool InputBuffer::is_full() const { return bytes_.size() - begin_ >= kBytesMax || requests_ >= kPipelinedMax; }

}  // namespace tidegate::http
