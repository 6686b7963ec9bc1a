// Oracle: the verdict is the same however the file arrives; an accepted picture is complete (with a byte less it is
// refused), is found again without and with other bytes after it, and is larger than limits of zero; a refusal has a
// message.
#include <cstdint>
#include <string>
#include <string_view>

#include "api/picture/check_picture.h"
#include "api/picture/sniff.h"
#include "base/assert.h"
#include "unit/api/picture/check_split.h"

using namespace tidegate::api;
using tidegate::api::test::check_split;

namespace {

// "": refused.
std::string picture_in(std::string_view file, const PictureVerdict& verdict) {
  const auto* picture = std::get_if<WholePicture>(&verdict);
  return picture ? std::string(file.substr(0, picture->size)) + std::string(picture->missing_end) : "";
}

std::string picture_in(std::string_view file) { return picture_in(file, check_picture(file)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const PictureVerdict verdict = check_picture(file);
  const std::string picture = picture_in(file, verdict);
  TG_ASSERT(picture == picture_in(file, check_split(file, 1)) && picture == picture_in(file, check_split(file, 13)));
  if (const auto* refusal = std::get_if<tidegate::optimizer::Refusal>(&verdict)) {
    TG_ASSERT(refusal->status == 400 || refusal->status == 413 || refusal->status == 415);
    TG_ASSERT(refusal->detail.ends_with("."));
    TG_ASSERT((refusal->status == 415) == sniff_image(file).empty());
    return 0;
  }
  TG_ASSERT(!sniff_image(picture).empty());
  TG_ASSERT(picture_in(picture) == picture && picture_in(picture + "<html>") == picture);
  TG_ASSERT(picture_in(picture.substr(0, picture.size() - 1)).empty());
  // Limits of zero refuse it for its size.
  const PictureVerdict small = check_picture(picture, {0, 0});
  const auto* refusal = std::get_if<tidegate::optimizer::Refusal>(&small);
  TG_ASSERT(refusal && refusal->status == 413);
  return 0;
}
