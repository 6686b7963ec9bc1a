#include "http/parser/llhttp_check.h"

namespace tidegate::http {

namespace {

// llhttp is strict by default; set here as well, so that no default of a later version changes it.
void make_strict([[maybe_unused]] llhttp_t* parser) {
  llhttp_set_lenient_headers(parser, 0);
  llhttp_set_lenient_chunked_length(parser, 0);
  llhttp_set_lenient_keep_alive(parser, 0);
  llhttp_set_lenient_transfer_encoding(parser, 0);
#if LLHTTP_VERSION_MAJOR >= 9
  llhttp_set_lenient_version(parser, 0);
  llhttp_set_lenient_data_after_close(parser, 0);
  llhttp_set_lenient_optional_lf_after_cr(parser, 0);
  llhttp_set_lenient_optional_crlf_after_chunk(parser, 0);
#if LLHTTP_VERSION_MAJOR > 9 || LLHTTP_VERSION_MINOR >= 2
  llhttp_set_lenient_optional_cr_before_lf(parser, 0);
  llhttp_set_lenient_spaces_after_chunk_size(parser, 0);
#endif
#endif
}

LlhttpCheck& self(llhttp_t* parser) { return *static_cast<LlhttpCheck*>(parser->data); }

}  // namespace

const llhttp_settings_t* LlhttpCheck::settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_headers_complete = on_headers_complete;
    settings.on_header_value_complete = on_field_complete;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    return settings;
  }();
  return &kSettings;
}

LlhttpCheck::LlhttpCheck(bool responses) {
  llhttp_init(&parser_, responses ? HTTP_RESPONSE : HTTP_REQUEST, settings());
  parser_.data = this;
  make_strict(&parser_);
}

int LlhttpCheck::on_headers_complete(llhttp_t* parser) {
  LlhttpCheck& check = self(parser);
  check.has_head_ = true;
  check.flags_ = static_cast<uint16_t>(parser->flags);
  check.content_length_ = parser->content_length;
  return check.skip_body_ ? 1 : 0;
}

int LlhttpCheck::on_field_complete(llhttp_t* parser) {
  ++self(parser).fields_;
  return 0;
}

int LlhttpCheck::on_body(llhttp_t* parser, const char* at, size_t length) {
  LlhttpCheck& check = self(parser);
  if (check.body_size_ == 0) check.body_begin_ = at;
  check.body_size_ += length;
  return 0;
}

int LlhttpCheck::on_message_complete(llhttp_t* parser) {
  self(parser).is_complete_ = true;
  return HPE_PAUSED;
}

// True if llhttp takes the bytes. A pause is its end of message, or an upgrade that the guard has its own view of.
bool LlhttpCheck::feed(std::string_view bytes) {
  body_size_ = 0;
  body_begin_ = nullptr;
  if (is_complete_) return false;
  const llhttp_errno_t error = llhttp_execute(&parser_, bytes.data(), bytes.size());
  return error == HPE_OK || (is_complete_ && (error == HPE_PAUSED || error == HPE_PAUSED_UPGRADE));
}

Violation LlhttpCheck::feed_head(std::string_view bytes, bool skip_body) {
  skip_body_ = skip_body;
  if (feed(bytes) && has_head_ && body_size_ == 0) return nullptr;
  const llhttp_errno_t error = llhttp_get_errno(&parser_);
  // The guard has seen a token and HTTP/1.x: what llhttp still dislikes here is a method it does not know, or one that
  // belongs to RTSP or ICE.
  const bool method = !has_head_ && (error == HPE_INVALID_METHOD || error == HPE_INVALID_CONSTANT);
  return method ? &rule::kMethodUnknown : &rule::kDisagreement;
}

Violation LlhttpCheck::check_framing(Framing framing, uint64_t content_length) const {
  const bool chunked = (flags_ & F_CHUNKED) != 0;
  const bool coded = (flags_ & F_TRANSFER_ENCODING) != 0;
  const uint64_t length = (flags_ & F_CONTENT_LENGTH) != 0 ? content_length_ : 0;
  const bool agreed = chunked == (framing == Framing::chunked) && coded == chunked && length == content_length;
  return agreed ? nullptr : &rule::kDisagreement;
}

Violation LlhttpCheck::head(std::string_view bytes, const RequestHead& head) {
  if (const Violation violation = feed_head(bytes, head.framing == Framing::none)) return violation;
  const auto method = static_cast<llhttp_method_t>(parser_.method);
  if (head.method != llhttp_method_name(method) || head.fields.size() != fields_) return &rule::kDisagreement;
  return check_framing(head.framing, head.content_length);
}

Violation LlhttpCheck::head(std::string_view bytes, const ResponseHead& head) {
  const bool switching = head.status == 101;  // what follows is another protocol: llhttp has no say in it
  const bool skip_body = switching || head.framing == Framing::none;
  if (const Violation violation = feed_head(bytes, skip_body)) {
    return violation == &rule::kMethodUnknown ? &rule::kStatusLine : violation;
  }
  if (head.status != parser_.status_code || head.fields.size() != fields_) return &rule::kDisagreement;
  return skip_body ? nullptr : check_framing(head.framing, head.content_length);
}

Violation LlhttpCheck::data(std::string_view span) {
  const bool agreed = feed(span) && body_begin_ == span.data() && body_size_ == span.size();
  return agreed ? nullptr : &rule::kDisagreement;
}

Violation LlhttpCheck::framing(std::string_view span) {
  return feed(span) && body_size_ == 0 ? nullptr : &rule::kDisagreement;
}

Violation LlhttpCheck::complete() { return is_complete_ ? nullptr : &rule::kDisagreement; }

void LlhttpCheck::reset() {
  llhttp_reset(&parser_);
  fields_ = 0;
  has_head_ = false;
  is_complete_ = false;
}

}  // namespace tidegate::http
