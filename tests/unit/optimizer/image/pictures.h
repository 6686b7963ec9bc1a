// Images for the tests, made by the image library, and functions to inspect results.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vips/vips8>

#include "optimizer/image/watermark.h"

namespace tidegate::optimizer::test {

// Three bands, smooth and mid-grey on average: letters and shadow are both visible on it.
vips::VImage gradient(int width, int height);
// The left half in one colour, the right half in another.
vips::VImage halves(int width, int height, const std::vector<double>& left, const std::vector<double>& right);

std::string to_png(const vips::VImage& image);
std::string to_jpeg(const vips::VImage& image, int quality = 90);
std::string to_progressive_jpeg(const vips::VImage& image);
// A JPEG with an EXIF orientation (1 to 8).
std::string with_orientation(const vips::VImage& image, int orientation);
std::string to_webp(const vips::VImage& image);
std::string take(VipsBlob* blob);  // its bytes; frees it
vips::VImage read(const std::string& bytes);

// The largest difference of a band of a pixel in the rectangle.
double difference(const vips::VImage& a, const vips::VImage& b, int x, int y, int width, int height);
std::vector<double> mean(const vips::VImage& image, int x, int y, int width, int height);

WatermarkOptions options(std::string text, Position position = Position::bottom_right);
// watermark() without a time limit.
Expected<Picture> attempt(std::string_view bytes, const WatermarkOptions& wanted, const ImageLimits& limits = {});
// The picture, or the refusal; the test fails on the other one.
Picture picture(std::string_view bytes, const WatermarkOptions& wanted);
Refusal refusal(std::string_view bytes, const WatermarkOptions& wanted = options("text"));

// A chunk of a PNG, with its checksum.
std::string png_chunk(const std::string& type, const std::string& data);
// The parts of a PNG that the library cannot write. `rows`: packed samples, without filter bytes; `chunks`: before the
// pixels. Nothing is compressed.
struct RawPng {
  uint32_t width;
  uint8_t depth;
  uint8_t colour_type;  // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
};
std::string raw_png(const RawPng& type, const std::vector<std::string>& rows, const std::string& chunks = "");
std::string icc_chunk(const std::string& profile);

// A profile of sRGB's primaries whose values are linear, and one of grey with a gamma of 2.2; and the sRGB values, 0 to
// 255, of a sample from 0 to 1.
enum class ProfileOf { linear_rgb, gamma_grey };
std::string icc_profile(ProfileOf colours);
double to_srgb(ProfileOf colours, double sample);
vips::VImage with_profile(const vips::VImage& image, const std::string& profile);

// The beginning of a PNG with correct checksums that declares the size and has no pixels.
std::string png_announcing(uint32_t width, uint32_t height);

}  // namespace tidegate::optimizer::test
