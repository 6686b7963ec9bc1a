// The type of a picture by its first bytes, never by what a client claims.
#pragma once

#include <string_view>

#include "api/store/object.h"

namespace tidegate::api {

inline constexpr size_t kSniffBytes = 12;  // enough to decide

// "image/jpeg", "image/png" or "image/webp" by the first bytes; "" for anything else.
inline std::string_view sniff_image(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n"sv)) return "image/png";
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= kSniffBytes && bytes.substr(8, 4) == "WEBP"sv) return "image/webp";
  return "";
}

// Whether the object is a picture of the type that it declares. Others may write to a store, so its content is checked.
inline bool is_picture(const Object& object) {
  return !object.content_type.empty() && object.content_type == sniff_image(object.bytes);
}

}  // namespace tidegate::api
