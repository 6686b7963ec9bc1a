// Pictures for the tests, made by the image library itself, and ways to look at what came out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <vips/vips8>

#include "optimizer/watermark.h"

namespace tidegate::optimizer::test {

// Three bands, smooth and mid-grey on the whole: letters and shadow both show on it.
vips::VImage gradient(int width, int height);
// The left half of one colour, the right half of another.
vips::VImage halves(int width, int height, const std::vector<double>& left, const std::vector<double>& right);

std::string to_png(const vips::VImage& image);
std::string to_jpeg(const vips::VImage& image, int quality = 90);
std::string to_progressive_jpeg(const vips::VImage& image);
// As a JPEG whose EXIF says how the camera was held (1 to 8).
std::string with_orientation(const vips::VImage& image, int orientation);
std::string to_webp(const vips::VImage& image);
vips::VImage read(const std::string& bytes);

// The largest difference of any band of any pixel in the rectangle.
double difference(const vips::VImage& a, const vips::VImage& b, int x, int y, int width, int height);
std::vector<double> mean(const vips::VImage& image, int x, int y, int width, int height);

WatermarkOptions options(std::string text, Position position = Position::bottom_right);
// watermark() with all the time it wants.
Answer<Picture> attempt(std::string_view bytes, const WatermarkOptions& wanted, const ImageLimits& limits = {});
// What it gives; the test fails where it refuses, or does not.
Picture picture(std::string_view bytes, const WatermarkOptions& wanted);
Refusal refusal(std::string_view bytes, const WatermarkOptions& wanted = options("text"));

// One chunk of a PNG, with its checksum.
std::string png_chunk(const std::string& type, const std::string& data);
// A PNG's beginning, whole and with correct checksums, that announces the size and holds no pixel.
std::string png_announcing(uint32_t width, uint32_t height);

}  // namespace tidegate::optimizer::test
