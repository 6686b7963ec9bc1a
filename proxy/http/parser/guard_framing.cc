// What the fields of a head say together: Host, framing, persistence. RFC 9112 sections 3.2, 6 and 9.3.
#include "http/message/chars.h"
#include "http/parser/guard.h"

namespace tidegate::http {

namespace {

// The fields that decide, found in one walk.
struct Known {
  std::string_view host, length, coding, expect;
  size_t hosts = 0, lengths = 0, codings = 0, expects = 0;
  bool close = false, keep_alive = false;
};

Known find_known(const Fields& fields) {
  Known known;
  const auto note = [](std::string_view& value, size_t& count, std::string_view seen) {
    value = seen;
    ++count;
  };
  for (const auto& [name, value] : fields) {
    switch (name.size()) {
      case 4:
        if (iequals(name, "host")) note(known.host, known.hosts, value);
        break;
      case 6:
        if (iequals(name, "expect")) note(known.expect, known.expects, value);
        break;
      case 10:
        if (!iequals(name, "connection")) break;
        known.close = known.close || list_contains(value, "close");
        known.keep_alive = known.keep_alive || list_contains(value, "keep-alive");
        break;
      case 14:
        if (iequals(name, "content-length")) note(known.length, known.lengths, value);
        break;
      case 17:
        if (iequals(name, "transfer-encoding")) note(known.coding, known.codings, value);
        break;
      default: break;
    }
  }
  return known;
}

Violation check_framing(const Known& known, uint8_t version_minor, uint64_t* length) {
  if (known.codings > 0) {
    if (known.lengths > 0) return &rule::kLengthAndCoding;
    if (known.codings > 1) return &rule::kCodingRepeated;
    if (version_minor == 0) return &rule::kCodingVersion;
    if (!iequals(known.coding, "chunked")) return &rule::kCoding;
  }
  if (known.lengths > 1) return &rule::kLengthRepeated;
  if (known.lengths == 1 && !parse_content_length(known.length, length)) return &rule::kLengthSyntax;
  return nullptr;
}

Framing framing_of(const Known& known, uint64_t length) {
  if (known.codings > 0) return Framing::chunked;
  return length > 0 ? Framing::content_length : Framing::none;
}

bool is_kept_alive(const Known& known, uint8_t version_minor) {
  return !known.close && (version_minor > 0 || known.keep_alive);
}

Violation check_host(const Known& known, const RequestHead& head) {
  if (known.hosts > 1) return &rule::kHostRepeated;
  if (known.hosts == 0) return head.version_minor > 0 ? &rule::kHostMissing : nullptr;
  return is_valid_authority(known.host) ? nullptr : &rule::kHostSyntax;
}

bool status_has_no_body(uint16_t status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

bool parse_content_length(std::string_view text, uint64_t* length) {
  if (text.empty()) return false;
  uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c) || value > (UINT64_MAX - static_cast<uint64_t>(c - '0')) / 10) return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  *length = value;
  return true;
}

Violation HeadGuard::finish(RequestHead& head) const {
  const std::string_view all = bytes_;
  head.method = all.substr(0, method_size_);
  head.target = all.substr(method_size_ + 1, target_size_);
  head.authority = {};
  head.version_minor = version_minor_;
  head.content_length = 0;
  fill(head.fields);
  if (const Violation violation = check_target(head)) return violation;

  const Known known = find_known(head.fields);
  if (const Violation violation = check_host(known, head)) return violation;
  if (const Violation violation = check_framing(known, version_minor_, &head.content_length)) return violation;
  if (head.authority.empty()) head.authority = known.host;
  head.framing = framing_of(known, head.content_length);
  head.keep_alive = is_kept_alive(known, version_minor_);

  const bool expects = known.expects > 0 && version_minor_ > 0;  // HTTP/1.0 has no expectations
  if (expects && (known.expects > 1 || !iequals(known.expect, "100-continue"))) return &rule::kExpect;
  head.expect_continue = expects && head.framing != Framing::none;
  return nullptr;
}

Violation HeadGuard::finish(ResponseHead& head, bool to_head_request) const {
  head.status = status_;
  head.reason = reason_size_ > 0 ? std::string_view(bytes_).substr(kReasonBegin, reason_size_) : std::string_view();
  head.version_minor = version_minor_;
  head.content_length = 0;
  fill(head.fields);

  const Known known = find_known(head.fields);
  if (const Violation violation = check_framing(known, version_minor_, &head.content_length)) return violation;
  head.has_content_length = known.lengths > 0;
  head.framing = framing_of(known, head.content_length);
  if (known.lengths == 0 && known.codings == 0) head.framing = Framing::until_close;
  if (to_head_request || status_has_no_body(status_)) head.framing = Framing::none;
  if (status_ == 101) head.framing = Framing::until_close;
  head.keep_alive = is_kept_alive(known, version_minor_) && !repaired_ && head.framing != Framing::until_close;
  return nullptr;
}

}  // namespace tidegate::http
