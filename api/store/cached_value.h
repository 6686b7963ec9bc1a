// A result as the bytes of one Redis string. It describes itself, so that what was cut off, damaged, or written by
// somebody else is told from a picture.
//
//   content … │ type … │ type length u8 │ content length u64 │ CRC-32C of content and type u32 │ "TGR1"
//
// Integers are little-endian. The description stands last, so that content is never moved to read or write it.
#pragma once

#include <string>

#include "api/store/image.h"

namespace tidegate::api {

// REQUIRES a type of at most 255 bytes.
std::string to_cached_value(const Object& object);

// Null: not such a value, or damaged.
ObjectPtr from_cached_value(std::string value);

}  // namespace tidegate::api
