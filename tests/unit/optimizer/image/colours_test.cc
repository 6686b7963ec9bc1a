// Samples become 8-bit sRGB: every depth, with and without alpha, a palette and a profile. The expected values come
// from the specifications. Without a profile they are exact. With one, the library computes in Lab and is at most
// kProfileError away.
#include <doctest/doctest.h>

#include <cmath>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

using vips::VImage;
using vips::VOption;

namespace {

constexpr double kProfileError = 1.5;
constexpr int kWidth = 64;
constexpr int kHeight = 64;  // the text is at the bottom; the first row is compared

enum class Colours { grey, rgb };

ProfileOf profile_of(Colours colours) {
  return colours == Colours::grey ? ProfileOf::gamma_grey : ProfileOf::linear_rgb;
}

// The first row after a text was drawn at the bottom of the picture.
VImage first_row(const std::string& bytes, ImageFormat format = ImageFormat::png) {
  WatermarkOptions wanted = options("NWS");
  wanted.format = format;
  const VImage result = read(picture(bytes, wanted).bytes);
  return result.extract_area(0, 0, result.width(), 1).copy_memory();
}

double value_at(const VImage& row, int x, int band) { return row.getpoint(x, 0)[static_cast<size_t>(band)]; }

double nearest_8_bit(uint32_t sample) { return std::round(sample / 257.0); }

// 16-bit samples whose lower bytes make a difference, from black to white.
uint16_t sample_at(int x, int band) {
  constexpr uint16_t kEdges[] = {0, 128, 129, 0x0290, 0x7FFF, 0x8000, 0x80FF, 0xFE80, 0xFF7E, 0xFF7F, 0xFFFF};
  const auto at = static_cast<size_t>(x + band * 3);
  if (at < std::size(kEdges)) return kEdges[at];
  return static_cast<uint16_t>(at * 4099 * 7);
}

std::string sixteen_bit_png(Colours colours, bool has_alpha, const std::string& chunks = "") {
  const int bands = (colours == Colours::grey ? 1 : 3) + (has_alpha ? 1 : 0);
  std::string row;
  for (int x = 0; x < kWidth; ++x) {
    for (int band = 0; band < bands; ++band) {
      row += static_cast<char>(sample_at(x, band) >> 8);
      row += static_cast<char>(sample_at(x, band) & 0xFF);
    }
  }
  const auto type = static_cast<uint8_t>((colours == Colours::grey ? 0 : 2) + (has_alpha ? 4 : 0));
  return raw_png({kWidth, 16, type}, std::vector<std::string>(kHeight, row), chunks);
}

void check_sixteen_bit(const VImage& row, Colours colours, bool has_alpha, bool has_profile) {
  REQUIRE(row.bands() == (has_alpha ? 4 : 3));
  for (int x = 0; x < kWidth; ++x) {
    CAPTURE(x);
    for (int band = 0; band < 3; ++band) {
      const uint16_t sample = sample_at(x, colours == Colours::grey ? 0 : band);
      const double expected = has_profile ? to_srgb(profile_of(colours), sample / 65535.0) : nearest_8_bit(sample);
      CHECK(std::abs(value_at(row, x, band) - expected) <= (has_profile ? kProfileError : 0));
    }
    if (has_alpha) CHECK(value_at(row, x, 3) == nearest_8_bit(sample_at(x, colours == Colours::grey ? 1 : 3)));
  }
}

// Indices 0, 1, 2 … of `depth` bits each.
std::string counted_row(int depth) {
  std::string row(static_cast<size_t>(kWidth * depth / 8), '\0');
  for (int x = 0; x < kWidth; ++x) {
    const auto at = static_cast<size_t>(x * depth / 8);
    const int shift = 8 - depth - x * depth % 8;
    row[at] = static_cast<char>(static_cast<uint8_t>(row[at]) | (x & ((1 << depth) - 1)) << shift);
  }
  return row;
}

}  // namespace

TEST_CASE("16 bits become the nearest value of 8 bits, alpha too") {
  for (const Colours colours : {Colours::grey, Colours::rgb}) {
    for (const bool has_alpha : {false, true}) {
      CAPTURE(static_cast<int>(colours));
      CAPTURE(has_alpha);
      check_sixteen_bit(first_row(sixteen_bit_png(colours, has_alpha)), colours, has_alpha, false);
    }
  }
}

TEST_CASE("a colour profile changes the colours of 16 bits, and never the alpha") {
  for (const Colours colours : {Colours::grey, Colours::rgb}) {
    const std::string profile = icc_chunk(icc_profile(profile_of(colours)));
    for (const bool has_alpha : {false, true}) {
      CAPTURE(static_cast<int>(colours));
      CAPTURE(has_alpha);
      const std::string png = sixteen_bit_png(colours, has_alpha, profile);
      check_sixteen_bit(first_row(png), colours, has_alpha, true);
    }
  }
}

TEST_CASE("an unusable profile leaves 16 bits with alpha as if there were none") {
  const std::string png = sixteen_bit_png(Colours::rgb, true, icc_chunk(std::string(300, 'x')));
  check_sixteen_bit(first_row(png), Colours::rgb, true, false);
}

TEST_CASE("a palette with transparency gives its colours and its alpha at every depth") {
  for (const bool is_linear : {false, true}) {
    for (const int depth : {1, 2, 4, 8}) {
      CAPTURE(is_linear);
      CAPTURE(depth);
      std::string colours;
      std::string alphas;
      for (int i = 0; i < 1 << depth; ++i) {
        colours += {static_cast<char>(i * 91), static_cast<char>(255 - i), static_cast<char>(i)};
        alphas += static_cast<char>(i * 37 + 1);
      }
      const std::string profile = is_linear ? icc_chunk(icc_profile(ProfileOf::linear_rgb)) : "";
      const VImage row = first_row(raw_png({kWidth, static_cast<uint8_t>(depth), 3},
                                           std::vector<std::string>(kHeight, counted_row(depth)),
                                           profile + png_chunk("PLTE", colours) + png_chunk("tRNS", alphas)));
      REQUIRE(row.bands() == 4);
      for (int x = 0; x < kWidth; ++x) {
        const auto index = static_cast<size_t>(x & ((1 << depth) - 1));
        for (size_t band = 0; band < 3; ++band) {
          const auto sample = static_cast<uint8_t>(colours[index * 3 + band]);
          const double expected = is_linear ? to_srgb(ProfileOf::linear_rgb, sample / 255.0) : sample;
          CHECK(std::abs(value_at(row, x, static_cast<int>(band)) - expected) <= (is_linear ? kProfileError : 0));
        }
        CHECK(value_at(row, x, 3) == static_cast<uint8_t>(alphas[index]));
      }
    }
  }
}

TEST_CASE("one transparent grey makes its pixels transparent and no others") {
  const VImage row = first_row(raw_png({kWidth, 4, 0}, std::vector<std::string>(kHeight, counted_row(4)),
                                       png_chunk("tRNS", std::string("\x00\x05", 2))));
  REQUIRE(row.bands() == 4);
  for (int x = 0; x < kWidth; ++x) {
    CHECK(value_at(row, x, 0) == x % 16 * 17);
    CHECK(value_at(row, x, 3) == (x % 16 == 5 ? 0 : 255));
  }
}

TEST_CASE("a WebP with alpha and a profile keeps its alpha") {
  VImage image = gradient(kWidth, kHeight);
  const VImage alpha = VImage::xyz(kWidth, kHeight)[0].linear(4, 3).cast(VIPS_FORMAT_UCHAR);
  image = with_profile(image.bandjoin(alpha), icc_profile(ProfileOf::linear_rgb));
  const VImage row = first_row(take(image.webpsave_buffer(VImage::option()->set("lossless", true))));
  REQUIRE(row.bands() == 4);
  for (int x = 0; x < kWidth; ++x) {
    CHECK(value_at(row, x, 3) == 4 * x + 3);
    for (int band = 0; band < 3; ++band) {
      const double sample = image.getpoint(x, 0)[static_cast<size_t>(band)];
      CHECK(std::abs(value_at(row, x, band) - to_srgb(ProfileOf::linear_rgb, sample / 255)) <= kProfileError);
    }
  }
}

TEST_CASE("a profile of grey in an image in colour is ignored") {
  const VImage image = with_profile(gradient(kWidth, kHeight), icc_profile(ProfileOf::gamma_grey));
  const VImage plain = gradient(kWidth, kHeight);
  const std::string lossless = take(image.webpsave_buffer(VImage::option()->set("lossless", true)));
  CHECK(difference(first_row(lossless), plain, 0, 0, kWidth, 1) == 0);
  CHECK(difference(first_row(to_jpeg(image, 100)), first_row(to_jpeg(plain, 100)), 0, 0, kWidth, 1) == 0);
}

TEST_CASE("a CMYK JPEG without a profile looks as with an unusable one") {
  const VImage ink = VImage::xyz(kWidth, kHeight)[0].linear(4, 0).cast(VIPS_FORMAT_UCHAR);
  const VImage image = VImage::bandjoin({ink, ink.linear(0.5, 20), ink.linear(-0.5, 200), ink.linear(0.1, 0)})
                           .cast(VIPS_FORMAT_UCHAR)
                           .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_CMYK));
  const VImage row = first_row(to_jpeg(image, 95));
  REQUIRE(row.bands() == 3);
  CHECK(difference(row, first_row(to_jpeg(with_profile(image, std::string(300, 'x')), 95)), 0, 0, kWidth, 1) == 0);
  CHECK(value_at(row, 0, 0) > value_at(row, kWidth - 1, 0) + 60);  // much cyan is little red
}

TEST_CASE("resizing keeps a translucent colour exactly") {
  for (const double alpha : {1, 16, 115, 243, 255}) {
    CAPTURE(alpha);
    const VImage image = VImage::black(kWidth, 2 * kHeight)
                             .new_from_image({239, 106, 119, alpha})
                             .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
    WatermarkOptions wanted = options("NWS");
    wanted.max_width = kWidth / 2;
    const VImage result = read(picture(to_png(image), wanted).bytes);
    CHECK(result.getpoint(5, 5) == std::vector<double>{239, 106, 119, alpha});
  }
}

TEST_CASE("a tiled text changes translucent pixels only where it is drawn") {
  const VImage x = VImage::xyz(300, 300)[0];
  const VImage alpha = x.linear(0.8, 1).cast(VIPS_FORMAT_UCHAR);
  const VImage before = gradient(300, 300).bandjoin(alpha).copy_memory();
  const VImage after = read(picture(to_png(before), options("NWS", Position::tiled)).bytes);
  // Where a letter or its shadow is drawn, the alpha grows: it is at most 240 before.
  const VImage changed_colour = ((before - after).abs().extract_band(0, VImage::option()->set("n", 3)) > 0).bandor();
  const VImage changed_alpha = before[3] != after[3];
  const VImage drawn_near = changed_alpha.rank(3, 3, 8);
  CHECK((changed_colour & (drawn_near == 0)).max() == 0);
  CHECK(changed_alpha.max() == 255);
}

}  // namespace tidegate::optimizer::test
