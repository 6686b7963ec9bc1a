// Identifiers: 128 random bits, written as 32 lower-case hexadecimal digits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate {

using IdBytes = std::array<uint8_t, 16>;

std::string to_hex(const uint8_t* bytes, size_t count);
inline std::string to_hex(const IdBytes& id) { return to_hex(id.data(), id.size()); }

// True for exactly 32 lower-case hexadecimal digits.
bool is_id(std::string_view text);

}  // namespace tidegate
