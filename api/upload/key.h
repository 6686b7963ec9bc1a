// The key of an upload: SHA-256 over image, text and position, in 64 lower-case hexadecimal digits. The same three give
// the same key on every machine; it names the original, the result and the job.
//
//   SHA-256( image ‖ text ‖ position ‖ image's length ‖ text's length ‖ position's length )     lengths: 8 bytes,
//   big-endian
//
// The lengths at the end make the framing unambiguous and let the image be hashed while it streams in.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tidegate::api {

inline constexpr size_t kKeyLength = 64;

bool is_key(std::string_view text);

class KeyHasher {
 public:
  KeyHasher();
  ~KeyHasher();

  void add_image(std::string_view piece);
  // Once, last.
  std::string finish(std::string_view text, std::string_view position);

 private:
  struct Context;
  void add(std::string_view bytes);
  void add_length(uint64_t length);

  std::unique_ptr<Context> context_;
  uint64_t image_bytes_ = 0;
};

std::string key_of(std::string_view image, std::string_view text, std::string_view position);

}  // namespace tidegate::api
