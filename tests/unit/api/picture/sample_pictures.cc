#include "unit/api/picture/sample_pictures.h"

namespace tidegate::api::test {

namespace {

uint32_t crc_32(std::string_view bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
  }
  return ~crc;
}

std::string box(std::string_view type, std::string_view data) {
  return big_endian(data.size() + 8, 4) + std::string(type) + std::string(data);
}

}  // namespace

std::string big_endian(uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string little_endian(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}

std::string png_signature() { return "\x89PNG\r\n\x1A\n"; }

std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string counted = std::string(type) + std::string(data);
  return big_endian(data.size(), 4) + counted + big_endian(crc_32(counted), 4);
}

std::string png_header(const PngHeader& header) {
  return png_chunk("IHDR", big_endian(header.width, 4) + big_endian(header.height, 4) + big_endian(header.depth, 1) +
                               big_endian(header.colour_type, 1) + std::string(2, '\0') +
                               big_endian(header.interlace, 1));
}

std::string png(const PngHeader& header, size_t spare) {
  std::string bytes = png_signature() + png_header(header);
  if (spare > 0) bytes += png_chunk("spAr", std::string(spare, 'x'));
  return bytes + png_chunk("IDAT", "as it was") + png_chunk("IEND", "");
}

std::string jpeg_segment(uint8_t marker, std::string_view data) {
  return "\xFF" + big_endian(marker, 1) + big_endian(data.size() + 2, 2) + std::string(data);
}

std::string jpeg_frame(uint16_t width, uint16_t height, uint8_t precision) {
  return big_endian(precision, 1) + big_endian(height, 2) + big_endian(width, 2) + std::string("\x01\x01\x11\x00", 4);
}

std::string jpeg(uint16_t width, uint16_t height, uint8_t frame_marker) {
  const std::string thumbnail = "\xFF\xD8" + jpeg_segment(0xC0, jpeg_frame(1, 1)) + "\xFF\xD9";
  return "\xFF\xD8" + jpeg_segment(0xE1, std::string("Exif\0\0", 6) + thumbnail) + jpeg_segment(0xDB, "tables") +
         jpeg_segment(frame_marker, jpeg_frame(width, height)) + jpeg_segment(0xDA, "scan") +
         std::string("data \xFF\x00 \xFF\xD0 more", 15) + "\xFF\xFF\xD9";
}

std::string webp_chunk(std::string_view type, std::string_view data) {
  return std::string(type) + little_endian(data.size(), 4) + std::string(data) + std::string(data.size() % 2, '\0');
}

std::string webp_file(std::string_view chunks) {
  return "RIFF" + little_endian(chunks.size() + 4, 4) + "WEBP" + std::string(chunks);
}

std::string webp_lossy_frame(uint16_t width, uint16_t height) {
  return webp_chunk("VP8 ", std::string("\x30\x01\x00\x9D\x01\x2A", 6) + little_endian(width, 2) +
                                little_endian(height, 2) + "0123456789");
}

std::string webp_lossless_frame(uint32_t width, uint32_t height) {
  return webp_chunk("VP8L", "\x2F" + little_endian((width - 1) | (height - 1) << 14, 4) + "data");
}

std::string webp_canvas(uint32_t width, uint32_t height) {
  return webp_chunk("VP8X", little_endian(0, 4) + little_endian(width - 1, 3) + little_endian(height - 1, 3));
}

std::string movie() { return box("ftyp", "mp42mp42") + box("mdat", std::string("frames\0\0\0", 9)); }

std::string samsung_block(std::string_view content) {
  const std::string block = little_endian(0x0A010000, 4) + std::string(content);
  const std::string directory = "SEFH" + little_endian(106, 4) + little_endian(1, 4) + little_endian(0x0A010000, 4) +
                                little_endian(block.size(), 4) + little_endian(block.size(), 4);
  return block + directory + little_endian(directory.size(), 4) + "SEFT";
}

}  // namespace tidegate::api::test
