// What is kept and served: bytes with their type. Told by the first bytes alone, never by what a client claims.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tidegate::api {

struct Object {
  std::string content_type;
  std::string bytes;
};
using ObjectPtr = std::shared_ptr<const Object>;

inline constexpr size_t kSniffBytes = 12;  // that many decide

// "image/jpeg", "image/png" or "image/webp" by the first bytes; "" for anything else.
inline std::string_view sniff_image(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return "image/jpeg";
  if (bytes.starts_with("\x89PNG\r\n\x1A\n"sv)) return "image/png";
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= kSniffBytes && bytes.substr(8, 4) == "WEBP"sv) return "image/webp";
  return "";
}

// Whether it is a picture that says truly what it is: what lies in a store may have been written by anybody.
inline bool is_picture(const Object& object) {
  return !object.content_type.empty() && object.content_type == sniff_image(object.bytes);
}

}  // namespace tidegate::api
