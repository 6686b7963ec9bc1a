// The second opinion: llhttp reads what the guard has let through, and must come to the same reading. Its callbacks
// only record. It is fed exactly the bytes of one message: the head, then spans of body and chunk framing.
//
// Chunk extensions and trailers, which the guard has checked and which go no further, are kept from it: 8.x cannot read
// every legal extension, and later versions take some trailers for header fields.
#pragma once

#include <llhttp.h>

#include <string_view>

#include "http/message/head.h"
#include "http/parser/guard_rules.h"

namespace tidegate::http {

class LlhttpCheck {
 public:
  explicit LlhttpCheck(bool responses);
  LlhttpCheck(const LlhttpCheck&) = delete;
  LlhttpCheck& operator=(const LlhttpCheck&) = delete;

  // A whole head, as the guard has read it.
  Violation head(std::string_view bytes, const RequestHead& head);
  Violation head(std::string_view bytes, const ResponseHead& head);
  // A span of body bytes: llhttp must see exactly these.
  Violation data(std::string_view span);
  // Chunk sizes and CRLFs: llhttp must see no body in them.
  Violation framing(std::string_view span);
  // The message is whole; llhttp must think so too.
  Violation complete();
  void reset();

 private:
  static const llhttp_settings_t* settings();
  static int on_headers_complete(llhttp_t* parser);
  static int on_field_complete(llhttp_t* parser);
  static int on_body(llhttp_t* parser, const char* at, size_t length);
  static int on_message_complete(llhttp_t* parser);

  Violation feed_head(std::string_view bytes, bool skip_body);
  Violation check_framing(Framing framing, uint64_t content_length) const;
  bool feed(std::string_view bytes);

  llhttp_t parser_;
  const char* body_begin_ = nullptr;  // of the last span fed
  size_t body_size_ = 0;
  uint64_t content_length_ = 0;  // as it stood at the end of the head: llhttp counts it down
  size_t fields_ = 0;
  uint16_t flags_ = 0;
  bool skip_body_ = false;
  bool has_head_ = false;
  bool is_complete_ = false;
};

}  // namespace tidegate::http
