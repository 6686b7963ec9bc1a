// The guard: reads a message's head strictly, before llhttp sees it, and decides the framing of its body: llhttp
// alone is not strict enough for a proxy. Sources: RFC 9110, RFC 9112, RFC 3986.
//
// Lines are judged as they become whole, so that bad bytes are refused without waiting for the end of a head. The bytes
// are kept here, the head's views point at them until clear().
//
//   start line ──▶ field line ─┐ ──empty line──▶ whole
//       │              ▲───────┘
//       └──▶ refused ◀─┘
//
// Two things are repaired rather than refused, because RFC 9110 section 2.5 and RFC 9112 section 5.1 ask for it: a
// minor version above 1 becomes 1.1, and in responses the white space between the name and the colon of a field that
// has nothing to do with framing is removed (such a connection is not kept).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/message/head.h"
#include "http/parser/guard_rules.h"
#include "http/parser/line_reader.h"
#include "http/target/path.h"

namespace tidegate::http {

enum class HeadStep { need_more, whole, refused };

class HeadGuard {
 public:
  enum class Kind : uint8_t { request, response };

  HeadGuard(Kind kind, const HeadLimits& limits) : limits_(limits), kind_(kind) {}

  // Takes bytes off *input up to the end of the head.
  HeadStep take(std::string_view* input);
  Violation violation() const { return violation_; }

  // After `whole`: fills the head and decides keep-alive and framing. `to_head_request`: see ResponseParser::expect.
  Violation finish(RequestHead& head) const;
  // Then, as the last reader of the bytes: the target becomes what goes on, its path by the rules.
  Violation settle_target(RequestHead& head, const PathRules& rules);
  Violation finish(ResponseHead& head, bool to_head_request) const;

  std::string_view bytes() const { return bytes_; }  // all of the head, its empty line included
  size_t field_count() const { return marks_.size(); }
  bool idle() const { return bytes_.empty() || bytes_ == "\r"; }
  // Ready for the next head; a large buffer is given back, a usual one is kept.
  void clear();

 private:
  static constexpr size_t kReasonBegin = 13;  // "HTTP/1.1 200 "

  // Offsets, because the buffer moves while it grows.
  struct Mark {
    uint32_t name_begin, name_size, value_begin, value_size;
  };

  Violation take_line_whole();
  Violation take_request_line(std::string_view line);
  Violation take_status_line(std::string_view line);
  Violation take_field_line(std::string_view line);
  Violation take_version(std::string_view text);
  void blank_out_padding(size_t begin, std::string_view value);
  void fill(Fields& fields) const;
  void insert_missing_path(RequestHead& head);
  void normalize(std::string_view& path);
  size_t offset_of(std::string_view part) const { return static_cast<size_t>(part.data() - bytes_.data()); }

  const HeadLimits limits_;
  std::string bytes_;
  std::vector<Mark> marks_;
  size_t line_begin_ = 0;
  uint32_t method_size_ = 0;
  uint32_t target_size_ = 0;
  uint32_t reason_size_ = 0;
  uint16_t status_ = 0;
  uint8_t version_minor_ = 1;
  uint8_t empty_lines_ = 0;
  Kind kind_;
  bool started_ = false;
  bool repaired_ = false;  // white space before a colon
  Violation violation_ = nullptr;
};

// One field line without its CRLF. On success *name_size and *value are set. Used for trailers too.
Violation check_field_line(std::string_view line, size_t* name_size, std::string_view* value);

// Splits and checks a request target as received. REQUIRES method and target set; sets path, query, and authority of
// the absolute form.
Violation check_target(RequestHead& head);

// "host", "host:port", "[v6]:port"; not empty.
bool is_valid_authority(std::string_view text);

// Digits only, no overflow.
bool parse_content_length(std::string_view text, uint64_t* length);

}  // namespace tidegate::http
