// The codec's reading half: llhttp inside, the guard (guard.h) before and beside it, since llhttp alone is not
// strict enough for a proxy. Pull style: the caller feeds bytes and asks for the next event; llhttp's callbacks only
// record.
//
//   RequestParser parser(limits);
//   for (;;) {
//     switch (parser.next(&input)) {                  // takes bytes off the front of `input`
//       case ParseEvent::need_more: return;           // input is empty; feed more later
//       case ParseEvent::head: … parser.head() …      // valid until reset()
//       case ParseEvent::body: … parser.body() …      // decoded bytes, valid until the next call
//       case ParseEvent::complete: …                  // what is left of input belongs to the next message
//       case ParseEvent::error: … parser.error() …    // final
//     }
//   }
//
//   reading head ──head──▶ reading body ──complete──▶ done ──reset()──▶ reading head
//         └──────────────error─────┴──▶ failed (only destruction leaves it)
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/message/head.h"
#include "http/target/path.h"

namespace tidegate::http {

struct HeadLimits {
  size_t header_bytes = 32 * 1024;  // start line and fields, trailers too
  size_t header_count = 100;
  size_t chunk_extension_bytes = 16 * 1024;  // in one body
  friend bool operator==(const HeadLimits&, const HeadLimits&) = default;
};

enum class ParseEvent { need_more, head, body, complete, error };

// Why a message was refused. `status` is what a client gets (400, 431, 413, 501, 505); `reason` is an outcome word
// (bad_request, headers_too_large); `detail` says which rule, for problem+json and the log.
struct ParseError {
  uint16_t status = 400;
  const char* reason = "bad_request";
  const char* detail = "";
};

class RequestParser {
 public:
  explicit RequestParser(const HeadLimits& limits, const PathRules& paths = {});
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // Takes bytes off the front of *input up to the next event.
  ParseEvent next(std::string_view* input);
  const RequestHead& head() const;  // after ParseEvent::head, until reset()
  std::string_view body() const;    // after ParseEvent::body
  const ParseError& error() const;  // after ParseEvent::error
  // True before the first byte of a message (leading empty lines do not count).
  bool idle() const;
  bool complete() const;
  // Of the message that is being read, or was refused, as far as its method was read: a response to it has no body.
  bool is_to_head() const;
  // Ready for the next message of the same connection, which is read by these. No effect while one is being read.
  void begin_message(const HeadLimits& limits, const PathRules& paths);
  // The same, by those of before. REQUIRES complete().
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ResponseParser {
 public:
  explicit ResponseParser(const HeadLimits& limits);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // Call before the first byte of each response: a response to HEAD has no body whatever its fields say.
  void expect(bool to_head_request);
  // 1xx responses come as head + complete, then reset() and the final one (the caller counts them). A 101 comes as head
  // with framing until_close.
  ParseEvent next(std::string_view* input);
  // The peer has ended the connection: complete if the body was delimited by that, else error (truncated).
  ParseEvent end_of_input();
  const ResponseHead& head() const;
  std::string_view body() const;
  const ParseError& error() const;
  bool idle() const;
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::http
