// The Idempotency-Key field (draft-ietf-httpapi-idempotency-key-header): what makes jobs unique.
#pragma once

#include <string>

#include "base/result.h"
#include "http/message/head.h"

namespace tidegate::core {

inline constexpr size_t kIdempotencyKeyMax = 255;

// The key as it was sent, a structured field's string ("…" with its quotes) or a bare word, opaque either way; "" if
// the request has none. Error: invalid (the field is repeated, empty, too long, or neither of the two).
Result<std::string> idempotency_key(const http::Fields& fields);

}  // namespace tidegate::core
