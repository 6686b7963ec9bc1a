// SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104), base64 (RFC 4648 section 4) and the comparison of secrets: for
// signatures and tokens.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate {

using Sha256Bytes = std::array<uint8_t, 32>;

Sha256Bytes sha256(std::string_view bytes);
Sha256Bytes hmac_sha256(std::string_view key, std::string_view text);

// Equal? In a time that does not depend on where they differ.
bool equal_in_constant_time(std::string_view a, std::string_view b);

std::string base64_encode(std::string_view bytes);
// None: it is not base64, padded and without anything else.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace tidegate
