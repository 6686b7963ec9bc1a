// A result as the bytes of one Redis string. The format describes itself, so that a truncated, damaged or foreign value
// is detected.
//
//   content … │ type … │ type length u8 │ content length u64 │ CRC-32C of content and type u32 │ "TGR1"
//
// Integers are little-endian. The description is at the end, so that reading and writing never move the content.
#pragma once

#include <string>

#include "api/store/object.h"

namespace tidegate::api {

// REQUIRES a content type of at most 255 bytes.
std::string to_cached_value(const Object& object);

// Null: another format, or damaged.
ObjectPtr from_cached_value(std::string value);

}  // namespace tidegate::api
