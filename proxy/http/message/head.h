// The head of a message, as parsed: views into the parser's own copy of the bytes, valid until the parser is reset.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tidegate::http {

// Case-insensitive equality of ASCII, for field names and tokens.
bool iequals(std::string_view a, std::string_view b);
// True if the comma-separated list `list` contains `token` (case-insensitive, OWS trimmed).
bool list_contains(std::string_view list, std::string_view token);
// Without leading and trailing SP and HTAB.
std::string_view trim_ows(std::string_view text);

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without surrounding white space
};

// Fields in the order received. Lookup is linear: heads are short and bounded.
class Fields {
 public:
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  void clear() { fields_.clear(); }
  size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

  // The first value of that name.
  std::optional<std::string_view> find(std::string_view name) const;
  size_t count(std::string_view name) const;
  // True if any field of that name, read as a list, contains the token.
  bool any_contains(std::string_view name, std::string_view token) const;

 private:
  std::vector<Field> fields_;
};

enum class Framing : uint8_t {
  none,            // no body (no Content-Length, or 0, no Transfer-Encoding; HEAD, 1xx, 204, 304)
  content_length,  // exactly content_length bytes, at least 1
  chunked,
  until_close,  // responses only
};

struct RequestHead {
  std::string_view method;     // any token, as received
  std::string_view target;     // in origin form, as it goes on (the path may be normalized), or "*"
  std::string_view path;       // of the target, without query; "*" for asterisk form
  std::string_view query;      // after '?', may be empty
  std::string_view authority;  // Host, or of an absolute target; may be empty on HTTP/1.0
  uint8_t version_minor = 1;   // HTTP/1.minor
  Framing framing = Framing::none;
  uint64_t content_length = 0;
  bool keep_alive = true;        // what the client wants (version and Connection)
  bool expect_continue = false;  // Expect: 100-continue on 1.1
  Fields fields;
};

struct ResponseHead {
  uint16_t status = 0;
  std::string_view reason;
  uint8_t version_minor = 1;
  Framing framing = Framing::none;
  uint64_t content_length = 0;  // of the field, also for HEAD; 0 without
  bool has_content_length = false;
  bool keep_alive = true;
  Fields fields;
};

}  // namespace tidegate::http
