// Pictures built by hand: valid in everything that is checked without decoding.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::api::test {

struct PngHeader {
  uint32_t width = 1;
  uint32_t height = 1;
  uint8_t depth = 8;
  uint8_t colour_type = 2;
  uint8_t interlace = 0;
};
std::string png_signature();
std::string png_chunk(std::string_view type, std::string_view data);
std::string png_header(const PngHeader& header);
// `spare`: the size of a private chunk, which adds 12 bytes more; 0: none.
std::string png(const PngHeader& header = {}, size_t spare = 0);

std::string jpeg_segment(uint8_t marker, std::string_view data);
std::string jpeg_frame(uint16_t width, uint16_t height, uint8_t precision = 8);  // the content of an SOFn
// With a thumbnail in its EXIF, and restart markers and stuffed bytes in its data.
std::string jpeg(uint16_t width = 1, uint16_t height = 1, uint8_t frame_marker = 0xC0);

std::string webp_chunk(std::string_view type, std::string_view data);  // padded
std::string webp_file(std::string_view chunks);
std::string webp_lossy_frame(uint16_t width, uint16_t height);
std::string webp_lossless_frame(uint32_t width, uint32_t height);
std::string webp_canvas(uint32_t width, uint32_t height);  // the content of a VP8X

// "ftyp" and "mdat" boxes, as a phone appends them.
std::string movie();
// With one block of `content`.
std::string samsung_block(std::string_view content);

std::string big_endian(uint64_t value, int bytes);
std::string little_endian(uint64_t value, int bytes);

}  // namespace tidegate::api::test
