// Oracle: an accepted picture is complete (a PNG or WebP with a byte less or more is refused, a JPEG may be padded) and
// larger than limits of zero; a refusal has a message.
#include <cstdint>
#include <string>
#include <string_view>

#include "api/picture/check_picture.h"
#include "api/picture/sniff.h"
#include "base/assert.h"

using namespace tidegate::api;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto refusal = check_picture(bytes);
  if (refusal) {
    TG_ASSERT(refusal->status == 400 || refusal->status == 413 || refusal->status == 415);
    TG_ASSERT(refusal->detail.ends_with("."));
    TG_ASSERT((refusal->status == 415) == sniff_image(bytes).empty());
    return 0;
  }
  const std::string_view type = sniff_image(bytes);
  TG_ASSERT(!type.empty());
  // Limits of zero refuse it for its size.
  const auto small = check_picture(bytes, {0, 0});
  TG_ASSERT(small && small->status == 413);
  // One byte less or more is not the same picture.
  if (type == "image/jpeg") {
    TG_ASSERT(!check_picture(std::string(bytes) + '\0'));
  } else {
    TG_ASSERT(check_picture(bytes.substr(0, size - 1)) || (type == "image/webp" && bytes.back() == '\0'));
    TG_ASSERT(check_picture(std::string(bytes) + "<") && check_picture(std::string(bytes) + "<html>"));
  }
  return 0;
}
