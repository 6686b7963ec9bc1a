// The key of an upload: SHA-256 over image, text and position, as 64 lower-case hexadecimal digits. The same input has
// the same key on every machine. The key names the original, the result and the job.
//
//   SHA-256( image ‖ text ‖ position ‖ image length ‖ text length ‖ position length )
//
// Each length is 8 bytes, big-endian. The lengths make the framing unambiguous; at the end, they allow the image to be
// hashed while it streams in.
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
  void forget_image();
  // REQUIRES one call, the last.
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
