// CRC-32C (Castagnoli, RFC 3720 appendix B.4): distinguishes a damaged record from an intact one. Not a defence against
// malice.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate {

// The checksum of `bytes` appended to what `crc` is the checksum of; 0 = of nothing. By the CPU's own instruction where
// it has one.
uint32_t crc32c(std::string_view bytes, uint32_t crc = 0);

}  // namespace tidegate
