#include "optimizer/image/codec.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "optimizer/image/input.h"
#include "optimizer/image/jpeg_scans.h"
#include "optimizer/image/png_chunks.h"

namespace tidegate::optimizer {

using vips::VImage;
using vips::VOption;

namespace {

bool exceeds(const VImage& image, const ImageLimits& limits) {
  return exceeds(static_cast<uint64_t>(image.width()), static_cast<uint64_t>(image.height()), limits);
}

int orientation_of(const VImage& image) {
  return image.get_typeof(VIPS_META_ORIENTATION) != 0 ? image.get_int(VIPS_META_ORIENTATION) : 1;
}

// Orientations 5 to 8 are rotated by 90 degrees.
int upright_width(const VImage& image) { return orientation_of(image) >= 5 ? image.height() : image.width(); }

// A JPEG can be decoded at 1/2, 1/4 or 1/8 at little cost. At least twice the target size is decoded, for the quality
// of the resize filter.
int shrink_on_load(ImageFormat format, double scale) {
  if (format != ImageFormat::jpeg) return 1;
  for (const int shrink : {8, 4, 2}) {
    if (scale * shrink * 2 <= 1) return shrink;
  }
  return 1;
}

constexpr int kSrgbBands = 3;
constexpr double kStepOf8Bit = 65535.0 / 255;  // in values of 16 bits

// Rounds to the nearest value; the conversions of the library drop the lower byte.
VImage to_8_bit(const VImage& image) {
  if (image.format() != VIPS_FORMAT_USHORT) return image;
  const auto interpretation = image.bands() < 3 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
  return image.linear(1 / kStepOf8Bit, 0.5, VImage::option()->set("uchar", true))
      .copy(VImage::option()->set("interpretation", interpretation));
}

// An unusable embedded profile is ignored: the pixels are then taken as sRGB, or as in the library's CMYK profile. The
// library accepts a profile of grey for an image in colour, and converts one of its bands.
VImage apply_profile(const VImage& colours) {
  const bool is_cmyk = colours.interpretation() == VIPS_INTERPRETATION_CMYK;
  if (colours.get_typeof(VIPS_META_ICC_NAME) == 0 && !is_cmyk) return colours;
  try {
    const VImage applied = colours.icc_transform("srgb", VImage::option()->set("embedded", true));
    if (applied.bands() == kSrgbBands) return applied;
  } catch (const vips::VError&) {
    vips_error_clear();
  }
  return colours;
}

VImage colours_to_srgb(const VImage& colours) {
  return to_8_bit(apply_profile(colours)).colourspace(VIPS_INTERPRETATION_sRGB).cast(VIPS_FORMAT_UCHAR);
}

// A profile describes colours only, and icc_transform() of libvips 8.14 would keep a 16-bit alpha beside 8-bit colours.
VImage to_srgb(const VImage& image) {
  if (!image.has_alpha()) return colours_to_srgb(image);
  const int colours = image.bands() - 1;
  return colours_to_srgb(image.extract_band(0, VImage::option()->set("n", colours))).bandjoin(to_8_bit(image[colours]));
}

// Resizes premultiplied values, so that the colour of transparent pixels does not bleed into their neighbours.
VImage resize(const VImage& image, double scale) {
  if (!image.has_alpha()) return image.resize(scale);
  return image.premultiply().resize(scale).unpremultiply().rint().cast(VIPS_FORMAT_UCHAR);
}

// Removes everything but the pixels. The "strip" option of the savers is not enough: the WebP saver of libvips 8.14
// keeps EXIF (and writes a block of its own, with only the size of the picture).
VImage without_metadata(const VImage& image) {
  VImage bare = image.copy();
  char** fields = vips_image_get_fields(bare.get_image());
  for (char** field = fields; *field != nullptr; ++field) bare.remove(*field);  // width and the like cannot be removed
  g_strfreev(fields);
  return bare;
}

// The factor that scales `image` down to `max_width`; at most 1.
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

Expected<VImage> decode(std::string_view bytes, ImageFormat format, std::optional<int> max_width,
                        const ImageLimits& limits, const WorkLimit& work) {
  if (format == ImageFormat::png && png_side_exceeds(bytes, limits)) return too_large(limits);
  if (format == ImageFormat::jpeg && count_scans(bytes, kJpegScansMax + 1) > kJpegScansMax) {
    return Refusal{400, "bad_image", "The JPEG has more than " + std::to_string(kJpegScansMax) + " scans.", {}};
  }
  Input input(bytes, format, work);
  VImage image = input.open();
  if (exceeds(image, limits)) return too_large(limits);
  if (const int shrink = shrink_on_load(format, scale_to(image, max_width)); shrink > 1) {
    image = input.open(shrink);
  }
  stop_at_limit(image, work);
  const double scale = scale_to(image, max_width);
  VImage pixels = to_srgb(image);
  if (scale < 1) pixels = resize(pixels, scale);
  // Decodes into memory: the input bytes are no longer needed, and rotation needs random access.
  return without_metadata(pixels.copy_memory().autorot());
}

std::string encode(const VImage& image, ImageFormat format, int quality, const WorkLimit& work) {
  stop_at_limit(image, work);
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
