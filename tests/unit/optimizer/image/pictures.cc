#include "unit/optimizer/image/pictures.h"

#include <doctest/doctest.h>

namespace tidegate::optimizer::test {

using vips::VImage;

namespace {

// One for the whole program, made before any test.
const ImageLibrary kLibrary("unit_optimizer");

std::string take(VipsBlob* blob) {
  size_t size = 0;
  const void* data = vips_blob_get(blob, &size);
  std::string bytes(static_cast<const char*>(data), size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return bytes;
}

VImage plain(int width, int height, const std::vector<double>& colour) {
  return VImage::black(width, height)
      .new_from_image(colour)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB));
}

std::string big_endian(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

// CRC-32 as in the PNG specification, annex D.
uint32_t crc32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFFu;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

}  // namespace

VImage gradient(int width, int height) {
  const VImage xy = VImage::xyz(width, height);
  const VImage x = xy[0].linear(120.0 / width, 60);
  const VImage y = xy[1].linear(120.0 / height, 60);
  return VImage::bandjoin({x, y, x.linear(-1, 240)})
      .cast(VIPS_FORMAT_UCHAR)
      .copy(VImage::option()->set("interpretation", VIPS_INTERPRETATION_sRGB))
      .copy_memory();
}

VImage halves(int width, int height, const std::vector<double>& left, const std::vector<double>& right) {
  return plain(width, height, left).insert(plain(width - width / 2, height, right), width / 2, 0).copy_memory();
}

std::string to_png(const VImage& image) { return take(image.pngsave_buffer()); }
std::string to_jpeg(const VImage& image, int quality) {
  return take(image.jpegsave_buffer(VImage::option()->set("Q", quality)));
}
std::string to_progressive_jpeg(const VImage& image) {
  return take(image.jpegsave_buffer(VImage::option()->set("interlace", true)));
}
std::string with_orientation(const VImage& image, int orientation) {
  VImage copy = image.copy();
  copy.set(VIPS_META_ORIENTATION, orientation);
  return to_jpeg(copy, 95);
}
std::string to_webp(const VImage& image) { return take(image.webpsave_buffer()); }

VImage read(const std::string& bytes) { return VImage::new_from_buffer(bytes.data(), bytes.size(), "").copy_memory(); }

double difference(const VImage& a, const VImage& b, int x, int y, int width, int height) {
  return (a.extract_area(x, y, width, height) - b.extract_area(x, y, width, height)).abs().max();
}

std::vector<double> mean(const VImage& image, int x, int y, int width, int height) {
  std::vector<double> means;
  const VImage area = image.extract_area(x, y, width, height);
  for (int band = 0; band < area.bands(); ++band) means.push_back(area[band].avg());
  return means;
}

WatermarkOptions options(std::string text, Position position) {
  WatermarkOptions result;
  result.text = std::move(text);
  result.position = position;
  return result;
}

Expected<Picture> attempt(std::string_view bytes, const WatermarkOptions& wanted, const ImageLimits& limits) {
  WorkLimit work(600s);
  return watermark(bytes, wanted, limits, work);
}

Picture picture(std::string_view bytes, const WatermarkOptions& wanted) {
  const auto response = attempt(bytes, wanted);
  if (const auto* refused = std::get_if<Refusal>(&response)) {
    FAIL(refused->status << " " << refused->detail << " " << refused->cause);
  }
  return std::get<Picture>(response);
}

Refusal refusal(std::string_view bytes, const WatermarkOptions& wanted) {
  const auto response = attempt(bytes, wanted);
  REQUIRE(std::holds_alternative<Refusal>(response));
  return std::get<Refusal>(response);
}

std::string png_chunk(const std::string& type, const std::string& data) {
  return big_endian(static_cast<uint32_t>(data.size())) + type + data + big_endian(crc32(type + data));
}

std::string png_announcing(uint32_t width, uint32_t height) {
  const std::string eight_bit_rgb("\x08\x02\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", big_endian(width) + big_endian(height) + eight_bit_rgb) +
         png_chunk("IDAT", std::string("\x78\x9C", 2));
}

}  // namespace tidegate::optimizer::test
