// HMAC-SHA256 (RFC 2104) and base64 (RFC 4648 section 4): for signatures.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

using Sha256Bytes = std::array<uint8_t, 32>;

Sha256Bytes hmac_sha256(std::string_view key, std::string_view text);

std::string base64_encode(std::string_view bytes);
// None: it is not base64, padded and without anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace tidegate
