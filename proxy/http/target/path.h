// The path of a request target in its normal form (RFC 3986 section 6.2.2), so that a route and its upstream mean the
// same path, however a client writes it:
//
//   /%6fptimize   /./optimize   //optimize   /x/../optimize   ──▶   /optimize
//
// Escaped unreserved characters are decoded, the digits of other escapes are upper case, repeated slashes are merged,
// then dot segments are removed (so /a//../b is /b, as a file system reads it; `..` at the root stays there). %2F and
// %5C are never decoded: they are no slashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::http {

enum class PathNormalization : uint8_t {
  normalize,  // another form becomes the normal one
  reject,     // another form is refused
  off,        // every form is taken as it is
};
enum class EncodedSlashes : uint8_t { keep, reject };  // %2F and %5C in a path

// How a server takes the paths of requests.
struct PathRules {
  PathNormalization normalization = PathNormalization::off;
  EncodedSlashes encoded_slashes = EncodedSlashes::keep;
  friend bool operator==(const PathRules&, const PathRules&) = default;
};

// All REQUIRE that the path begins with / and that its escapes are whole.
bool is_normal_path(std::string_view path);
bool has_encoded_slash(std::string_view path);
// Writes the normal form over the path; returns its size, which is not larger.
size_t normalize_path(char* path, size_t size);
std::string normal_path(std::string_view path);

}  // namespace tidegate::http
