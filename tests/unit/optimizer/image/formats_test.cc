// The encodings of an image, and its metadata.
#include <doctest/doctest.h>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

using vips::VImage;
using vips::VOption;

namespace {

constexpr int kWidth = 300;
constexpr int kHeight = 200;
constexpr int kCorner = 40;  // inside a quarter, away from a text in the middle

const std::vector<double> kRed{220, 20, 20};
const std::vector<double> kGreen{20, 200, 20};
const std::vector<double> kBlue{20, 20, 220};
const std::vector<double> kGrey{128, 128, 128};

// Red and green at the top, blue and grey at the bottom.
VImage corners() {
  return halves(kWidth, kHeight / 2, kRed, kGreen)
      .join(halves(kWidth, kHeight / 2, kBlue, kGrey), VIPS_DIRECTION_VERTICAL)
      .copy_memory();
}

void check_colour(const VImage& image, int x, int y, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> found = mean(image, x, y, kCorner, kCorner);
  for (size_t band = 0; band < 3; ++band) CHECK(std::abs(found[band] - expected[band]) < tolerance);
}

void check_corners(const VImage& image, double tolerance = 12) {
  REQUIRE(image.width() == kWidth);
  REQUIRE(image.height() == kHeight);
  check_colour(image, 0, 0, kRed, tolerance);
  check_colour(image, kWidth - kCorner, 0, kGreen, tolerance);
  check_colour(image, 0, kHeight - kCorner, kBlue, tolerance);
  check_colour(image, kWidth - kCorner, kHeight - kCorner, kGrey, tolerance);
}

VImage marked(const std::string& bytes) { return read(picture(bytes, options("NWS", Position::center)).bytes); }

std::string to_png_with(const VImage& image, const char* option, int value) {
  return take(image.pngsave_buffer(VImage::option()->set(option, value)));
}

}  // namespace

TEST_CASE("all eight orientations give the same upright image") {
  const VImage upright = corners();
  const VImage stored[] = {upright,
                           upright.flip(VIPS_DIRECTION_HORIZONTAL),
                           upright.rot(VIPS_ANGLE_D180),
                           upright.flip(VIPS_DIRECTION_VERTICAL),
                           upright.rot(VIPS_ANGLE_D270).flip(VIPS_DIRECTION_VERTICAL),
                           upright.rot(VIPS_ANGLE_D270),
                           upright.rot(VIPS_ANGLE_D90).flip(VIPS_DIRECTION_VERTICAL),
                           upright.rot(VIPS_ANGLE_D90)};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    CAPTURE(orientation);
    const VImage result = marked(with_orientation(stored[orientation - 1], orientation));
    check_corners(result);
    CHECK(result.get_typeof(VIPS_META_ORIENTATION) == 0);
  }
}

TEST_CASE("the encoding of an image does not change the result") {
  const VImage image = corners();
  check_corners(marked(to_png(image)), 1);
  check_corners(marked(to_png_with(image, "interlace", 1)), 1);
  check_corners(marked(to_jpeg(image)));
  check_corners(marked(to_progressive_jpeg(image)));
  check_corners(marked(to_webp(image)));
  check_corners(marked(take(image.webpsave_buffer(VImage::option()->set("lossless", true)))));
  // The library would shift to the upper byte, where 255 is not white.
  const VImage deep = image.linear(257, 0)
                          .cast(VIPS_FORMAT_USHORT)
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_RGB16));
  check_corners(marked(take(deep.pngsave_buffer())), 1);
}

TEST_CASE("palettes of every depth are decoded to colours") {
  const VImage image = corners();
  for (const int bits : {8, 4, 2}) {
    CAPTURE(bits);
    check_corners(marked(take(image.pngsave_buffer(
                      VImage::option()->set("palette", true)->set("bitdepth", bits)->set("dither", 0.0)))),
                  6);
  }
  const VImage two = halves(kWidth, kHeight, {0, 0, 0}, {255, 255, 255})[0].copy(
      VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W));
  const VImage after = marked(to_png_with(two, "bitdepth", 1));
  CHECK(mean(after, 0, 0, kCorner, kCorner)[0] == 0);
  CHECK(mean(after, kWidth - kCorner, 0, kCorner, kCorner)[2] == 255);
}

TEST_CASE("the first frame of an animation is watermarked") {
  const VImage second = halves(kWidth, kHeight, kGreen, kGreen);
  VImage frames = corners().join(second, VIPS_DIRECTION_VERTICAL).copy();
  frames.set("page-height", kHeight);
  const std::string webp = take(frames.webpsave_buffer(VImage::option()->set("lossless", true)));
  REQUIRE(VImage::new_from_buffer(webp.data(), webp.size(), "").get_int("n-pages") == 2);
  check_corners(marked(webp));
}

TEST_CASE("metadata about the author is removed from PNG and WebP") {
  const std::string secret = "SECRET-PLACE";
  VImage image = corners().copy();
  image.set("exif-ifd0-ImageDescription", "SECRET-PLACE (SECRET-PLACE, ASCII, 13 components, 13 bytes)");
  std::string xmp = "<x:xmpmeta>" + secret + "</x:xmpmeta>";
  image.set(VIPS_META_XMP_NAME, static_cast<VipsCallbackFn>(nullptr), xmp.data(), xmp.size());
  std::string png = to_png(image);
  png.insert(8 + 25, png_chunk("tEXt", std::string("Comment\0", 8) + secret));
  for (const std::string& bytes : {png, to_webp(image)}) {
    REQUIRE(bytes.find(secret) != std::string::npos);
    for (const ImageFormat format : {ImageFormat::jpeg, ImageFormat::png, ImageFormat::webp}) {
      WatermarkOptions wanted = options("NWS", Position::center);
      wanted.format = format;
      const std::string result = picture(bytes, wanted).bytes;
      CHECK(result.find(secret) == std::string::npos);
      for (const char* field : {"exif-data", "xmp-data", "iptc-data", "icc-profile-data"}) {
        if (format != ImageFormat::webp) CHECK(read(result).get_typeof(field) == 0);
      }
    }
  }
}

}  // namespace tidegate::optimizer::test
