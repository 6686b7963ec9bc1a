#include "unit/optimizer/image/pictures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

namespace tidegate::optimizer::test {

using vips::VImage;

namespace {

// One for the whole program, made before any test.
const ImageLibrary kLibrary("unit_optimizer");

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

// RFC 1950 and 1951, with stored blocks only.
std::string zlib_stored(std::string_view data) {
  constexpr size_t kBlockMax = 65535;
  std::string out("\x78\x01", 2);
  uint32_t a = 1;
  uint32_t b = 0;
  for (const char c : data) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  do {
    const size_t length = std::min(kBlockMax, data.size());
    out += static_cast<char>(length == data.size());  // the last block
    for (const size_t value : {length, ~length}) {
      out += static_cast<char>(value & 0xFF);
      out += static_cast<char>(value >> 8 & 0xFF);
    }
    out += data.substr(0, length);
    data.remove_prefix(length);
  } while (!data.empty());
  return out + big_endian(b << 16 | a);
}

std::string fixed_point(double value) { return big_endian(static_cast<uint32_t>(std::lround(value * 65536))); }

struct IccTag {
  std::string name;
  std::string value;
};

IccTag icc_xyz(const std::string& name, double x, double y, double z) {
  return {name, std::string("XYZ \0\0\0\0", 8) + fixed_point(x) + fixed_point(y) + fixed_point(z)};
}

// A curve without points is linear; one of a single point is a gamma, in 1/256.
constexpr uint16_t kGreyGamma = 563;
IccTag icc_linear(const std::string& name) { return {name, std::string("curv\0\0\0\0\0\0\0\0", 12)}; }
IccTag icc_gamma(const std::string& name) {
  return {name, std::string("curv\0\0\0\0\0\0\0\1", 12) + big_endian(kGreyGamma << 16)};
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

std::string take(VipsBlob* blob) {
  size_t size = 0;
  const void* data = vips_blob_get(blob, &size);
  std::string bytes(static_cast<const char*>(data), size);
  vips_area_unref(reinterpret_cast<VipsArea*>(blob));
  return bytes;
}

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

std::string raw_png(const RawPng& type, const std::vector<std::string>& rows, const std::string& chunks) {
  std::string pixels;
  for (const std::string& row : rows) pixels += '\0' + row;
  const std::string header = big_endian(type.width) + big_endian(static_cast<uint32_t>(rows.size())) +
                             static_cast<char>(type.depth) + static_cast<char>(type.colour_type) + std::string(3, '\0');
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", header) + chunks + png_chunk("IDAT", zlib_stored(pixels)) +
         png_chunk("IEND", "");
}

std::string icc_chunk(const std::string& profile) {
  return png_chunk("iCCP", std::string("profile\0\0", 9) + zlib_stored(profile));
}

// ICC.1, version 2. The white point and the primaries are adapted to D50.
std::string icc_profile(ProfileOf colours) {
  std::vector<IccTag> tags = {icc_xyz("wtpt", 0.9642, 1, 0.8249)};
  if (colours == ProfileOf::gamma_grey) {
    tags.push_back(icc_gamma("kTRC"));
  } else {
    tags.push_back(icc_xyz("rXYZ", 0.43607, 0.22249, 0.01392));
    tags.push_back(icc_xyz("gXYZ", 0.38515, 0.71687, 0.09708));
    tags.push_back(icc_xyz("bXYZ", 0.14307, 0.06061, 0.71410));
    for (const char* name : {"rTRC", "gTRC", "bTRC"}) tags.push_back(icc_linear(name));
  }
  constexpr size_t kHeaderBytes = 128;
  std::string table = big_endian(static_cast<uint32_t>(tags.size()));
  std::string values;
  for (const IccTag& tag : tags) {
    const size_t at = kHeaderBytes + 4 + 12 * tags.size() + values.size();
    table += tag.name + big_endian(static_cast<uint32_t>(at)) + big_endian(static_cast<uint32_t>(tag.value.size()));
    values += tag.value;
  }
  const auto size = static_cast<uint32_t>(kHeaderBytes + table.size() + values.size());
  std::string header = big_endian(size) + std::string(4, '\0') + std::string("\x02\x10\0\0mntr", 8) +
                       (colours == ProfileOf::gamma_grey ? "GRAY" : "RGB ") + "XYZ " + std::string(12, '\0') + "acsp";
  header.resize(68, '\0');
  header += fixed_point(0.9642) + fixed_point(1) + fixed_point(0.8249);
  header.resize(kHeaderBytes, '\0');
  return header + table + values;
}

// IEC 61966-2-1.
double to_srgb(ProfileOf colours, double sample) {
  const double value = colours == ProfileOf::gamma_grey ? std::pow(sample, kGreyGamma / 256.0) : sample;
  return 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * std::pow(value, 1 / 2.4) - 0.055);
}

VImage with_profile(const VImage& image, const std::string& profile) {
  VImage copy = image.copy();
  void* own = g_memdup2(profile.data(), profile.size());
  copy.set(VIPS_META_ICC_NAME, reinterpret_cast<VipsCallbackFn>(vips_area_free_cb), own, profile.size());
  return copy;
}

std::string png_announcing(uint32_t width, uint32_t height) {
  const std::string eight_bit_rgb("\x08\x02\x00\x00\x00", 5);
  return "\x89PNG\r\n\x1A\n" + png_chunk("IHDR", big_endian(width) + big_endian(height) + eight_bit_rgb) +
         png_chunk("IDAT", std::string("\x78\x9C", 2));
}

}  // namespace tidegate::optimizer::test
