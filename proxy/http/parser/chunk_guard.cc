#include "http/parser/chunk_guard.h"

#include <algorithm>

#include "http/message/chars.h"
#include "http/parser/guard.h"

namespace tidegate::http {

namespace {

constexpr uint8_t kSizeDigitsMax = 15;  // significant ones: a chunk is below 2^60 bytes, no sum can overflow

bool is_quoted_char(char c) { return !is_control_char(c) && c != '"' && c != '\\'; }

// "X: GET /path HTTP/1.1" is a legal trailer, and what is left of a request that another hop cut differently.
bool reads_as_request_line(std::string_view value) {
  return value.size() >= 9 && value.substr(value.size() - 9, 6) == " HTTP/" && is_digit(value[value.size() - 3]);
}

}  // namespace

void ChunkGuard::start(size_t extension_bytes, size_t trailer_bytes, size_t trailer_count) {
  line_.clear();
  extension_bytes_ = extension_bytes;
  trailer_bytes_ = trailer_bytes;
  trailer_count_ = trailer_count;
  size_ = 0;
  digits_ = 0;
  size_begun_ = false;
  state_ = State::size;
  violation_ = nullptr;
}

ChunkGuard::Step ChunkGuard::refuse(Violation violation) {
  violation_ = violation;
  return Step::refused;
}

ChunkGuard::Step ChunkGuard::take(std::string_view* input) {
  if (state_ == State::done) return Step::done;
  if (violation_ != nullptr) return Step::refused;
  while (!input->empty()) {
    switch (state_) {
      case State::data: return take_data(input);
      case State::trailer: return take_trailers(input);
      case State::size:
      case State::size_lf:
      case State::data_cr:
      case State::data_lf:
        if (const Step step = take_framing(input); step != Step::need_more) return step;
        break;
      default:
        if (const Step step = take_extension(input); step != Step::need_more) return step;
        break;
    }
  }
  return Step::need_more;
}

ChunkGuard::Step ChunkGuard::take_data(std::string_view* input) {
  span_ = input->substr(0, static_cast<size_t>(std::min<uint64_t>(size_, input->size())));
  input->remove_prefix(span_.size());
  size_ -= span_.size();
  if (size_ == 0) state_ = State::data_cr;
  return Step::data;
}

// Takes a run of size digits and CRLFs: to the data, the trailers, or an extension.
ChunkGuard::Step ChunkGuard::take_framing(std::string_view* input) {
  size_t taken = 0;
  const auto is_framing = [&] {
    return state_ == State::size || state_ == State::size_lf || state_ == State::data_cr || state_ == State::data_lf;
  };
  while (taken < input->size() && is_framing()) {
    const char c = (*input)[taken];
    if (state_ == State::size && size_begun_ && (c == ';' || is_blank(c))) {
      state_ = State::before_semicolon;
      break;
    }
    if (const Violation violation = framing_byte(c)) return refuse(violation);
    ++taken;
  }
  span_ = input->substr(0, taken);
  input->remove_prefix(taken);
  return taken == 0 ? Step::need_more : Step::framing;
}

Violation ChunkGuard::framing_byte(char c) {
  switch (state_) {
    case State::size: return size_byte(c);
    case State::size_lf:
      if (c != '\n') return &rule::kBareCr;
      state_ = size_ == 0 ? State::trailer : State::data;
      return nullptr;
    case State::data_cr:
      if (c != '\r') return &rule::kChunkEnd;
      state_ = State::data_lf;
      return nullptr;
    default:
      if (c != '\n') return &rule::kChunkEnd;
      state_ = State::size;
      size_begun_ = false;
      digits_ = 0;
      return nullptr;
  }
}

Violation ChunkGuard::size_byte(char c) {
  if (c == '\r' && size_begun_) {
    state_ = State::size_lf;
    return nullptr;
  }
  if (!is_hex_digit(c)) return &rule::kChunkSize;
  const bool leading_zero = size_begun_ && size_ == 0;
  size_begun_ = true;
  size_ = size_ * 16 + hex_value(c);
  if (size_ != 0 && ++digits_ > kSizeDigitsMax) return &rule::kChunkSizeRange;
  return leading_zero ? spend(1) : nullptr;  // "000…05" is legal; its length must still be bounded
}

Violation ChunkGuard::spend(size_t bytes) {
  if (bytes > extension_bytes_) return &rule::kChunkExtensionBytes;
  extension_bytes_ -= bytes;
  return nullptr;
}

ChunkGuard::Step ChunkGuard::take_extension(std::string_view* input) {
  const char c = input->front();
  const bool ends = state_ == State::name || state_ == State::value || state_ == State::after_quoted;
  if (c == '\r' && ends) {
    span_ = input->substr(0, 1);
    state_ = State::size_lf;
    input->remove_prefix(1);
    return Step::framing;
  }
  if (const Violation violation = extension_byte(c)) return refuse(violation);
  if (const Violation violation = spend(1)) return refuse(violation);
  input->remove_prefix(1);
  return Step::need_more;
}

// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
Violation ChunkGuard::extension_byte(char c) {
  const auto go = [&](State next) -> Violation {
    state_ = next;
    return nullptr;
  };
  switch (state_) {
    case State::before_semicolon:  // after the size or a value, on white space or ';'
      if (c == ';') return go(State::name_begin);
      return is_blank(c) ? nullptr : &rule::kChunkExtension;
    case State::name_begin:
      if (is_blank(c)) return nullptr;
      return is_token_char(c) ? go(State::name) : &rule::kChunkExtension;
    case State::name:
      if (is_token_char(c)) return nullptr;
      [[fallthrough]];
    case State::after_name:
      if (c == '=') return go(State::value_begin);
      if (c == ';') return go(State::name_begin);
      return is_blank(c) ? go(State::after_name) : &rule::kChunkExtension;
    case State::value_begin:
      if (is_blank(c)) return nullptr;
      if (c == '"') return go(State::quoted);
      return is_token_char(c) ? go(State::value) : &rule::kChunkExtension;
    case State::value:
      if (is_token_char(c)) return nullptr;
      [[fallthrough]];
    case State::after_quoted:
      if (c == ';') return go(State::name_begin);
      return is_blank(c) ? go(State::before_semicolon) : &rule::kChunkExtension;
    case State::quoted:
      if (c == '"') return go(State::after_quoted);
      if (c == '\\') return go(State::quoted_pair);
      return is_quoted_char(c) ? nullptr : &rule::kChunkExtension;
    default:  // quoted_pair
      return is_control_char(c) ? &rule::kChunkExtension : go(State::quoted);
  }
}

ChunkGuard::Step ChunkGuard::take_trailers(std::string_view* input) {
  for (;;) {
    Violation violation = nullptr;
    const LineStep step = take_line(input, line_, trailer_bytes_, &violation);
    if (step == LineStep::need_more) return Step::need_more;
    if (step == LineStep::refused) return refuse(violation);
    trailer_bytes_ -= line_.size();
    if (line_ == "\r\n") break;
    if (const Violation broken = check_trailer()) return refuse(broken);
    line_.clear();
  }
  state_ = State::done;
  return Step::done;
}

Violation ChunkGuard::check_trailer() {
  if (trailer_count_ == 0) return &rule::kFieldCount;
  --trailer_count_;
  size_t name_size = 0;
  std::string_view value;
  const std::string_view line(line_.data(), line_.size() - 2);
  if (const Violation violation = check_field_line(line, &name_size, &value)) return violation;
  return reads_as_request_line(value) ? &rule::kTrailerRequest : nullptr;
}

}  // namespace tidegate::http
