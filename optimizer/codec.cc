#include "optimizer/codec.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "optimizer/input.h"
#include "optimizer/jpeg_scans.h"

namespace tidegate::optimizer {

using vips::VImage;
using vips::VOption;

namespace {

uint32_t big_endian_32(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// libpng refuses very large sizes with an error like any other; told apart here, from the header chunk itself.
bool png_announces_too_much(std::string_view bytes, const ImageLimits& limits) {
  constexpr size_t kWidthAt = 16;
  if (bytes.size() < kWidthAt + 8) return false;
  const auto side_max = static_cast<uint32_t>(limits.side_max);
  return big_endian_32(bytes.substr(kWidthAt)) > side_max || big_endian_32(bytes.substr(kWidthAt + 4)) > side_max;
}

bool exceeds(const VImage& image, const ImageLimits& limits) {
  return exceeds(static_cast<uint64_t>(image.width()), static_cast<uint64_t>(image.height()), limits);
}

int orientation_of(const VImage& image) {
  return image.get_typeof(VIPS_META_ORIENTATION) != 0 ? image.get_int(VIPS_META_ORIENTATION) : 1;
}

// Orientations 5 to 8 lie on their side.
int upright_width(const VImage& image) { return orientation_of(image) >= 5 ? image.height() : image.width(); }

// JPEG decodes at a half, a quarter or an eighth for little; at least twice the target is kept for the filter to work
// on.
int shrink_on_load(ImageFormat format, double scale) {
  if (format != ImageFormat::jpeg) return 1;
  for (const int shrink : {8, 4, 2}) {
    if (scale * shrink * 2 <= 1) return shrink;
  }
  return 1;
}

// An embedded profile that cannot be used is as good as none: the numbers are then taken as they are.
VImage apply_profile(const VImage& image) {
  if (image.get_typeof(VIPS_META_ICC_NAME) == 0) return image;
  try {
    return image.icc_transform("srgb", VImage::option()->set("embedded", true));
  } catch (const vips::VError&) {
    vips_error_clear();
    return image;
  }
}

VImage to_srgb(const VImage& image) {
  return apply_profile(image).colourspace(VIPS_INTERPRETATION_sRGB).cast(VIPS_FORMAT_UCHAR);
}

// Colour under transparent pixels must not bleed into its neighbours: shrinking works on premultiplied values.
VImage resize(const VImage& image, double scale) {
  if (!image.has_alpha()) return image.resize(scale);
  return image.premultiply().resize(scale).unpremultiply().cast(VIPS_FORMAT_UCHAR);
}

// Everything but the pixels. The savers' own "strip" is not enough: the WebP saver of libvips 8.14 keeps EXIF in spite
// of it (and writes a block of its own, with the picture's size and nothing else).
VImage without_metadata(const VImage& image) {
  VImage bare = image.copy();
  char** fields = vips_image_get_fields(bare.get_image());
  for (char** field = fields; *field != nullptr; ++field) bare.remove(*field);  // width and the like cannot be removed
  g_strfreev(fields);
  return bare;
}

// The factor that brings `image` to at most `max_width`; never enlarges.
double scale_to(const VImage& image, std::optional<int> max_width) {
  if (!max_width || upright_width(image) <= *max_width) return 1.0;
  return static_cast<double>(*max_width) / upright_width(image);
}

}  // namespace

std::optional<ImageFormat> sniff_format(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xD8\xFF"sv)) return ImageFormat::jpeg;
  if (bytes.starts_with("\x89PNG\r\n\x1A\n"sv)) return ImageFormat::png;
  if (bytes.starts_with("RIFF"sv) && bytes.size() >= 12 && bytes.substr(8, 4) == "WEBP"sv) return ImageFormat::webp;
  return std::nullopt;
}

Answer<VImage> decode(std::string_view bytes, ImageFormat format, std::optional<int> max_width,
                      const ImageLimits& limits, const WorkLimit& work) {
  if (format == ImageFormat::png && png_announces_too_much(bytes, limits)) return too_large(limits);
  if (format == ImageFormat::jpeg && count_scans(bytes, kJpegScansMax + 1) > kJpegScansMax) {
    return Refusal{400, "bad_image", "The JPEG has more than " + std::to_string(kJpegScansMax) + " scans.", {}};
  }
  Input input(bytes, format, work);
  VImage image = input.open();
  if (exceeds(image, limits)) return too_large(limits);
  if (const int shrink = shrink_on_load(format, scale_to(image, max_width)); shrink > 1) {
    image = input.open(shrink);
  }
  stop_when_over(image, work);
  const double scale = scale_to(image, max_width);
  VImage pixels = to_srgb(image);
  if (scale < 1) pixels = resize(pixels, scale);
  // From here on the bytes are not needed, and rotating may look anywhere.
  return without_metadata(pixels.copy_memory().autorot());
}

std::string encode(const VImage& image, ImageFormat format, int quality, const WorkLimit& work) {
  stop_when_over(image, work);
  VipsBlob* blob = nullptr;
  VOption* options = VImage::option()->set("strip", true);
  if (format == ImageFormat::png) {
    blob = image.pngsave_buffer(options->set("compression", 6));
  } else if (format == ImageFormat::webp) {
    blob = image.webpsave_buffer(options->set("Q", quality)->set("effort", 3));
  } else {
    const VImage opaque = image.has_alpha() ? image.flatten(VImage::option()->set("background", 255.0)) : image;
    blob = opaque.jpegsave_buffer(options->set("Q", quality)->set("optimize_coding", true));
  }
  size_t size = 0;
  const void* data = vips_blob_get(blob, &size);
  std::string bytes(static_cast<const char*>(data), size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return bytes;
}

}  // namespace tidegate::optimizer
