#include "api/picture/check_picture.h"

#include "api/picture/formats.h"
#include "api/picture/sniff.h"

namespace tidegate::api {

std::optional<optimizer::Refusal> check_picture(std::string_view bytes, const optimizer::ImageLimits& limits) {
  const std::string_view type = sniff_image(bytes);
  if (type == "image/jpeg") return check_jpeg(bytes, limits);
  if (type == "image/png") return check_png(bytes, limits);
  if (type == "image/webp") return check_webp(bytes, limits);
  return optimizer::Refusal{415, "unsupported_media_type", "The image is neither JPEG, PNG nor WebP.", {}};
}

}  // namespace tidegate::api
