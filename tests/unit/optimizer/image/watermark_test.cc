#include "optimizer/image/watermark.h"

#include <doctest/doctest.h>

#include <tuple>
#include <utility>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

using vips::VImage;

namespace {

constexpr int kWidth = 600;
constexpr int kHeight = 400;

// The quarter of the image with the text at a position.
struct Quarter {
  Position position;
  bool right;
  bool bottom;
};
constexpr Quarter kQuarters[] = {{Position::top_left, false, false},
                                 {Position::top_right, true, false},
                                 {Position::bottom_left, false, true},
                                 {Position::bottom_right, true, true}};

double difference_in_quarter(const VImage& a, const VImage& b, bool right, bool bottom) {
  return difference(a, b, right ? kWidth / 2 : 0, bottom ? kHeight / 2 : 0, kWidth / 2, kHeight / 2);
}

}  // namespace

TEST_CASE("the text is drawn in the requested corner, and no other pixel changes") {
  const VImage before = gradient(kWidth, kHeight);
  const std::string png = to_png(before);
  for (const Quarter& quarter : kQuarters) {
    const VImage after = read(picture(png, options("NWS", quarter.position)).bytes);
    REQUIRE(after.width() == kWidth);
    REQUIRE(after.bands() == 3);
    for (const bool right : {false, true}) {
      for (const bool bottom : {false, true}) {
        const double changed = difference_in_quarter(before, after, right, bottom);
        if (right == quarter.right && bottom == quarter.bottom) {
          CHECK(changed > 60);
        } else {
          CHECK(changed == 0);
        }
      }
    }
  }
}

TEST_CASE("a centred text leaves the edges alone") {
  const VImage before = gradient(kWidth, kHeight);
  const VImage after = read(picture(to_png(before), options("NWS", Position::center)).bytes);
  CHECK(difference(before, after, kWidth / 4, kHeight / 4, kWidth / 2, kHeight / 2) > 60);
  CHECK(difference(before, after, 0, 0, kWidth, kHeight / 4) == 0);
  CHECK(difference(before, after, 0, 0, kWidth / 4, kHeight) == 0);
}

TEST_CASE("a tiled text covers every part of the image") {
  const VImage before = gradient(kWidth, kHeight);
  const VImage after = read(picture(to_png(before), options("NWS", Position::tiled)).bytes);
  for (int x = 0; x < 3; ++x) {
    for (int y = 0; y < 3; ++y) {
      CHECK(difference(before, after, x * kWidth / 3, y * kHeight / 3, kWidth / 3, kHeight / 3) > 20);
    }
  }
}

TEST_CASE("the text is readable on white and on black") {
  for (const double ground : {0.0, 255.0}) {
    const std::vector<double> colour(3, ground);
    const VImage before = halves(kWidth, kHeight, colour, colour);
    const VImage after = read(picture(to_png(before), options("NWS")).bytes);
    CHECK(difference_in_quarter(before, after, true, true) > 100);
  }
}

TEST_CASE("opacity decides how strong the text is") {
  const VImage before = halves(kWidth, kHeight, {0, 0, 0}, {0, 0, 0});
  WatermarkOptions faint = options("NWS");
  faint.opacity = 0.2;
  const VImage after = read(picture(to_png(before), faint).bytes);
  const double changed = difference_in_quarter(before, after, true, true);
  CHECK(changed > 40);
  CHECK(changed < 60);
}

TEST_CASE("the same input and options give the same bytes") {
  const VImage image = gradient(kWidth, kHeight);
  for (const std::string& bytes : {to_png(image), to_jpeg(image), to_webp(image)}) {
    for (const Position position : {Position::bottom_right, Position::tiled}) {
      CHECK(picture(bytes, options("© NWS", position)).bytes == picture(bytes, options("© NWS", position)).bytes);
    }
  }
}

TEST_CASE("the format is that of the input unless another is requested") {
  const VImage image = gradient(kWidth, kHeight);
  CHECK(picture(to_png(image), options("NWS")).format == ImageFormat::png);
  CHECK(picture(to_jpeg(image), options("NWS")).format == ImageFormat::jpeg);
  CHECK(picture(to_webp(image), options("NWS")).format == ImageFormat::webp);
  for (const auto& [format, loader] :
       {std::pair{ImageFormat::jpeg, "jpegload_buffer"}, std::pair{ImageFormat::png, "pngload_buffer"},
        std::pair{ImageFormat::webp, "webpload_buffer"}}) {
    WatermarkOptions wanted = options("NWS");
    wanted.format = format;
    const Picture result = picture(to_png(image), wanted);
    CHECK(result.format == format);
    CHECK(read(result.bytes).get_string("vips-loader") == std::string_view(loader));
  }
}

TEST_CASE("quality makes a JPEG larger or smaller") {
  const std::string png = to_png(gradient(kWidth, kHeight));
  WatermarkOptions wanted = options("NWS");
  wanted.format = ImageFormat::jpeg;
  wanted.quality = 20;
  const size_t rough = picture(png, wanted).bytes.size();
  wanted.quality = 95;
  CHECK(picture(png, wanted).bytes.size() > rough);
}

TEST_CASE("max_width shrinks wider images and never enlarges") {
  const VImage image = gradient(kWidth, kHeight);
  for (const std::string& bytes : {to_png(image), to_jpeg(image), to_webp(image)}) {
    for (const auto& [asked, width, height] :
         {std::tuple{300, 300, 200}, std::tuple{60, 60, 40}, std::tuple{600, 600, 400}, std::tuple{1200, 600, 400}}) {
      WatermarkOptions wanted = options("NWS");
      wanted.max_width = asked;
      const Picture result = picture(bytes, wanted);
      CHECK(result.width == width);
      CHECK(result.height == height);
    }
  }
}

TEST_CASE("a rotated photo is made upright before it is measured and watermarked") {
  // Orientation 6: the left of the stored image is the top.
  const std::string jpeg = with_orientation(halves(400, 200, {250, 10, 10}, {10, 10, 250}), 6);
  const Picture upright = picture(jpeg, options("NWS"));
  CHECK(upright.width == 200);
  CHECK(upright.height == 400);
  const VImage image = read(upright.bytes);
  CHECK(mean(image, 0, 0, 200, 150)[0] > 200);
  CHECK(mean(image, 0, 220, 200, 100)[2] > 200);
  const VImage without = halves(400, 200, {250, 10, 10}, {10, 10, 250}).rot(VIPS_ANGLE_D90);
  CHECK(difference(image, without, 100, 300, 100, 100) > 60);
  CHECK(image.get_typeof(VIPS_META_ORIENTATION) == 0);

  WatermarkOptions smaller = options("NWS");
  smaller.max_width = 100;
  const Picture small = picture(jpeg, smaller);
  CHECK(small.width == 100);
  CHECK(small.height == 200);
}

TEST_CASE("transparency is kept in PNG and WebP and becomes white in JPEG") {
  const VImage opaque = halves(kWidth, kHeight, {200, 0, 0}, {200, 0, 0});
  const VImage clear = opaque.bandjoin(VImage::black(kWidth, kHeight)).copy_memory();
  const VImage png = read(picture(to_png(clear), options("NWS")).bytes);
  REQUIRE(png.bands() == 4);
  CHECK(mean(png, 0, 0, 100, 100)[3] == 0);
  CHECK(png.extract_area(kWidth / 2, kHeight / 2, kWidth / 2, kHeight / 2)[3].max() > 150);
  WatermarkOptions wanted = options("NWS");
  wanted.format = ImageFormat::jpeg;
  const VImage jpeg = read(picture(to_png(clear), wanted).bytes);
  CHECK(jpeg.bands() == 3);
  CHECK(mean(jpeg, 0, 0, 100, 100)[0] > 250);
}

TEST_CASE("grey, 16-bit and CMYK images come out as 8-bit sRGB") {
  const VImage grey =
      gradient(kWidth, kHeight)[0].copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_B_W));
  CHECK(read(picture(to_png(grey), options("NWS")).bytes).bands() == 3);

  const VImage deep = gradient(kWidth, kHeight).colourspace(VIPS_INTERPRETATION_RGB16);
  const VImage clear = deep.bandjoin_const({65535 / 2.0}).cast(VIPS_FORMAT_USHORT);
  const VImage after = read(picture(to_png(clear), options("NWS")).bytes);
  CHECK(after.format() == VIPS_FORMAT_UCHAR);
  CHECK(after.bands() == 4);
  CHECK(mean(after, 0, 0, 100, 100)[3] == doctest::Approx(127).epsilon(0.02));

  const VImage inks = halves(kWidth, kHeight, {0, 0, 0}, {0, 0, 0})
                          .bandjoin_const({0.0})
                          .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_CMYK));
  const VImage paper = read(picture(to_jpeg(inks), options("NWS")).bytes);
  CHECK(paper.bands() == 3);
  CHECK(mean(paper, 0, 0, 100, 100)[1] > 230);
}

TEST_CASE("the smallest and the thinnest images are watermarked too") {
  for (const auto& [width, height] : {std::pair{1, 1}, std::pair{2, 300}, std::pair{3000, 1}, std::pair{40, 16}}) {
    for (const Position position : {Position::top_left, Position::center, Position::tiled}) {
      const Picture result = picture(to_png(gradient(width, height)), options("NWS watermark", position));
      CHECK(result.width == width);
      CHECK(result.height == height);
    }
  }
}

TEST_CASE("options out of range are client errors") {
  const std::string png = to_png(gradient(50, 50));
  for (const int quality : {0, 101, -5}) {
    WatermarkOptions wanted = options("NWS");
    wanted.quality = quality;
    CHECK(refusal(png, wanted).status == 400);
  }
  for (const int width : {0, 15, 16385, -1}) {
    WatermarkOptions wanted = options("NWS");
    wanted.max_width = width;
    CHECK(refusal(png, wanted).status == 400);
  }
  for (const double opacity : {0.0, 1.1, -1.0}) {
    WatermarkOptions wanted = options("NWS");
    wanted.opacity = opacity;
    CHECK(refusal(png, wanted).status == 400);
  }
}

}  // namespace tidegate::optimizer::test
