// The block that Samsung cameras append to a JPEG. Its directory says where it begins. Pure.
//
//   blocks … "SEFH" version (4) count (4) [0 (2) type (2) offset back from SEFH (4) length (4)]… n (4) "SEFT" zeros
//            └────────────────────────────── n bytes ──────────────────────────────────────┘
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tidegate::api {

// The offset of the block at the end of `file`. Nothing: there is none.
std::optional<size_t> find_samsung_block(std::string_view file);

}  // namespace tidegate::api
