#include "core/jobs/idempotency_key.h"

#include <algorithm>

namespace tidegate::core {

namespace {

constexpr std::string_view kKeyField = "idempotency-key";

// RFC 9651 section 3.3.3: printable ASCII, in which only the quote and the backslash are escaped.
bool is_quoted_string(std::string_view text) {
  if (text.size() < 3 || text.front() != '"' || text.back() != '"') return false;
  const std::string_view inside = text.substr(1, text.size() - 2);
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] < 0x20 || inside[i] > 0x7e || inside[i] == '"') return false;
    if (inside[i] != '\\') continue;
    if (++i == inside.size() || (inside[i] != '"' && inside[i] != '\\')) return false;
  }
  return true;
}

// A comma would mean two fields that were joined on the way.
bool is_bare_word(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != ','; });
}

}  // namespace

Result<std::string> idempotency_key(const http::Fields& fields) {
  const auto value = fields.find(kKeyField);
  if (!value) return std::string();
  if (fields.count(kKeyField) > 1) return Error{ErrorCode::invalid, "Idempotency-Key is repeated"};
  if (value->size() > kIdempotencyKeyMax) return Error{ErrorCode::invalid, "Idempotency-Key is longer than 255 bytes"};
  if (!is_quoted_string(*value) && !is_bare_word(*value)) {
    return Error{ErrorCode::invalid, "Idempotency-Key must be a quoted string or a word of visible characters"};
  }
  return std::string(*value);
}

}  // namespace tidegate::core
