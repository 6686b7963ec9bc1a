// Strict reading of the chunked coding (RFC 9112 section 7.1): sizes of hexadecimal digits only, extensions by their
// grammar and bounded in sum, exact CRLFs, trailers checked like fields and dropped.
//
// It cuts a body into spans of the input; the parser hands `framing` and `data` to llhttp for a second opinion, and
// keeps extensions and trailers from it.
//
//   size ──▶ extension* ──▶ LF ──▶ data ──▶ CR LF ──┐
//     ▲       size 0 ─────────────▶ trailer lines ──▶ done
//     └──────────────────────────────────────────────┘
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/parser/guard_rules.h"

namespace tidegate::http {

class ChunkGuard {
 public:
  enum class Step {
    need_more,
    framing,  // span(): size digits and CRLFs
    data,     // span(): body bytes
    done,     // the last CRLF has been taken
    refused,
  };

  // `trailer_bytes` and `trailer_count`: what the head has left of its budget.
  void start(size_t extension_bytes, size_t trailer_bytes, size_t trailer_count);
  Step take(std::string_view* input);
  std::string_view span() const { return span_; }
  Violation violation() const { return violation_; }

 private:
  enum class State : uint8_t {
    size,
    size_lf,
    before_semicolon,
    name_begin,
    name,
    after_name,
    value_begin,
    value,
    quoted,
    quoted_pair,
    after_quoted,
    data,
    data_cr,
    data_lf,
    trailer,
    done,
  };

  Step take_framing(std::string_view* input);
  Step take_extension(std::string_view* input);
  Step take_data(std::string_view* input);
  Step take_trailers(std::string_view* input);
  Violation framing_byte(char c);
  Violation size_byte(char c);
  Violation extension_byte(char c);
  Violation check_trailer();
  Violation spend(size_t bytes);
  Step refuse(Violation violation);

  std::string_view span_;
  std::string line_;   // of a trailer
  uint64_t size_ = 0;  // of the chunk, then what is left of it
  size_t extension_bytes_ = 0;
  size_t trailer_bytes_ = 0;
  size_t trailer_count_ = 0;
  uint8_t digits_ = 0;
  State state_ = State::size;
  bool size_begun_ = false;
  Violation violation_ = nullptr;
};

}  // namespace tidegate::http
