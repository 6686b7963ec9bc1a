// The checks of a picture that need no decoding.
#include "api/picture/check_picture.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "unit/api/picture/check_split.h"
#include "unit/api/picture/sample_pictures.h"

namespace tidegate::api::test {

namespace {

using namespace std::string_literals;

using optimizer::Refusal;

std::string text_of(const PictureVerdict& verdict) {
  if (const auto* refusal = std::get_if<Refusal>(&verdict)) return refusal->reason + (" " + refusal->detail);
  const auto& picture = std::get<WholePicture>(verdict);
  return std::to_string(picture.size) + " " + std::string(picture.missing_end);
}

// The same however the file is split.
PictureVerdict verdict_on(const std::string& file) {
  const PictureVerdict verdict = check_picture(file);
  for (const size_t piece : {1u, 7u, 64u}) CHECK(text_of(check_split(file, piece)) == text_of(verdict));
  return verdict;
}

uint16_t status_of(const std::string& bytes) {
  const PictureVerdict verdict = verdict_on(bytes);
  const auto* refusal = std::get_if<Refusal>(&verdict);
  if (!refusal) return 200;
  CHECK(refusal->detail.ends_with("."));
  return refusal->status;
}

std::string sentence(const std::string& bytes) {
  const PictureVerdict verdict = verdict_on(bytes);
  const auto* refusal = std::get_if<Refusal>(&verdict);
  return refusal ? refusal->detail : "";
}

// The picture in a file: "" if it is refused.
std::string picture_in(const std::string& file) {
  const PictureVerdict verdict = verdict_on(file);
  const auto* picture = std::get_if<WholePicture>(&verdict);
  return picture ? file.substr(0, picture->size) + std::string(picture->missing_end) : "";
}

std::string lossy_webp() { return webp_file(webp_lossy_frame(20, 10)); }
std::string extended_webp() {
  return webp_file(webp_canvas(20, 10) + webp_chunk("ICCP", "odd") + webp_lossless_frame(20, 10) +
                   webp_chunk("EXIF", "x"));
}

std::vector<std::string> whole_pictures() {
  return {png(), png({3, 2, 1, 0, 1}), png({}, 500), jpeg(), jpeg(640, 480, 0xC2), lossy_webp(), extended_webp()};
}

}  // namespace

TEST_CASE("a whole picture of each format passes") {
  for (const std::string& picture : whole_pictures()) CHECK(picture_in(picture) == picture);
}

TEST_CASE("a picture truncated anywhere is refused") {
  for (const std::string& picture : whole_pictures()) {
    for (size_t length = 0; length < picture.size(); ++length) {
      CAPTURE(length);
      const uint16_t status = status_of(picture.substr(0, length));
      CHECK((status == 400 || (status == 415 && length < 12)));
    }
  }
  CHECK(sentence(png().substr(0, 40)) == "The PNG image is truncated.");
  CHECK(sentence(jpeg().substr(0, 60)) == "The JPEG image is truncated.");
  CHECK(sentence(lossy_webp().substr(0, 30)) == "The WebP image is truncated.");
}

TEST_CASE("what follows a picture is no part of it") {
  const std::string zeros(100, '\0');
  const std::string samsung = samsung_block("Image_UTC_Data1700000000000");
  const std::vector<std::string> trailers = {
      "\n",
      "\0"s,
      zeros,
      samsung + zeros,
      "CANON OPTIONAL DATA\0\x01\0\0\0\0\0"s + std::string(64, 'v') + "CANON OPTIONAL DATA\0"s,  // Canon VRD
      "cbipcbbl" + std::string(40, 'p') + "XYZ!",                                                // PhotoMechanic
      movie(),                                                                                   // motion photos
      zeros + movie() + samsung,
      jpeg(9, 9) + jpeg(60000, 60000),  // previews, gain maps (CIPA DC-007)
      png_chunk("IDAT", "the end of the picture before an editor cropped it") + png_chunk("IEND", ""),
      png(),
      "<html><script>1</script></html>",
      "PK\x03\x04 a zip",
      "\xFF\xD8",
      "\xFF"};
  for (const std::string& picture : whole_pictures()) {
    for (const std::string& trailer : trailers) CHECK(picture_in(picture + trailer) == picture);
  }
}

TEST_CASE("a Samsung block ends a JPEG whose end is missing") {
  const std::string whole = jpeg(640, 480);
  const std::string open = whole.substr(0, whole.size() - 2);
  // Its video may have bytes that look like the markers of a JPEG.
  for (const std::string& content : {"Panorama_Shot_Info"s, "Motion_Panorama\xFF\xC0\0\4ab\xFF\xD8\xFF\xDA\x7F"s}) {
    const std::string block = samsung_block(content);
    CHECK(picture_in(open + block) == whole);
    CHECK(picture_in(open + block + std::string(9, '\0')) == whole);
    for (size_t length = 0; length < block.size(); ++length) {
      CHECK(sentence(open + block.substr(0, length)) != "");
      CHECK(picture_in(whole + block.substr(0, length)) == whole);
    }
    // Not inside a segment, nor where there is no picture before it.
    CHECK(status_of(open.substr(0, 30) + block) == 400);
    CHECK(sentence(open + "\xFF\xDA\x7F\xFF" + block) == "The JPEG image is truncated.");
    CHECK(sentence(open + jpeg() + block).find("damaged") != std::string::npos);
  }
}

TEST_CASE("what only looks like a Samsung block does not end a JPEG") {
  const std::string whole = jpeg();
  const std::string open = whole.substr(0, whole.size() - 2);
  const std::string block = samsung_block("Image_UTC_Data");
  std::string too_far = block;
  too_far.replace(block.size() - 8 - 8, 4, little_endian(10'000, 4));  // the block's offset
  for (const std::string& more : {block + "<html>", "SEFH"s + little_endian(4, 4) + "SEFT", too_far, movie()}) {
    CHECK(sentence(open + more) == "The JPEG image is truncated.");
  }
}

TEST_CASE("a picture whose header declares too much is refused") {
  for (const std::string& bomb :
       {png({50000, 50000}), png({0x7FFFFFFF, 0x7FFFFFFF}), png({16385, 1}), png({10000, 5001}), jpeg(65535, 65535),
        jpeg(1, 16385), webp_file(webp_lossless_frame(16384, 16384)), webp_file(webp_lossy_frame(16383, 16383)),
        webp_file(webp_canvas(1 << 24, 1 << 24) + webp_chunk("ANMF", ""))}) {
    CHECK(status_of(bomb) == 413);
    CHECK(sentence(bomb).find("megapixels") != std::string::npos);
  }
  CHECK(status_of(png({10000, 5000})) == 200);
  CHECK(status_of(jpeg(16384, 3051)) == 200);
  const PictureVerdict small = check_picture(png({11, 10}), {100, 50});
  REQUIRE(std::holds_alternative<Refusal>(small));
  CHECK(std::get<Refusal>(small).status == 413);
}

TEST_CASE("a PNG with an inconsistent header is refused") {
  std::string wrong_sum = png();
  wrong_sum[20] ^= 1;
  const std::string data = png_chunk("IDAT", "x");
  const std::string end = png_chunk("IEND", "");
  const std::string begun = png_signature() + png_header({});
  for (const std::string& bad :
       {wrong_sum, png({0, 1}), png({1, 0}), png({0x80000000, 1}), png({1, 1, 3}), png({1, 1, 4, 2}), png({1, 1, 8, 1}),
        png({1, 1, 8, 7}), png({1, 1, 16, 3}), png({1, 1, 8, 2, 2}), png({1, 1, 8, 3}), png_signature() + data + end,
        begun + end, begun + data + png_chunk("IEND", "x"), begun + png_header({}) + data + end,
        begun + png_chunk("ID4T", "") + data + end, begun + big_endian(0xFFFFFFFF, 4) + "IDAT" + data + end}) {
    CHECK(status_of(bad) == 400);
  }
  const std::string palette = png_chunk("PLTE", "rgb");
  CHECK(status_of(png_signature() + png_header({1, 1, 8, 3}) + palette + data + end) == 200);
  CHECK(status_of(png_signature() + png_header({1, 1, 8, 3}) + data + palette + end) == 400);
  // An animated PNG: its first frame is used.
  CHECK(status_of(begun + png_chunk("acTL", std::string(8, '\0')) + data + png_chunk("fdAT", "x") + end) == 200);
}

TEST_CASE("a JPEG with inconsistent segments is refused") {
  const std::string begun = "\xFF\xD8"s;
  const std::string frame = jpeg_segment(0xC0, jpeg_frame(1, 1));
  const std::string scan = jpeg_segment(0xDA, "scan") + "data";
  const std::string end = "\xFF\xD9";
  CHECK(status_of(begun + frame + scan + end) == 200);
  CHECK(status_of(begun + frame + scan + jpeg_segment(0xC4, "tables") + scan + end) == 200);
  for (const std::string& bad :
       {begun + jpeg_segment(0xE0, "0123456789") + end, begun + frame + end, begun + scan + end,
        begun + scan + frame + end, begun + frame + frame + scan + end, begun + frame + begun + scan + end,
        begun + jpeg_segment(0xC0, "short") + scan + end, jpeg(0, 1), jpeg(1, 0), jpeg(1, 1, 0xC3), jpeg(1, 1, 0xC5),
        begun + jpeg_segment(0xC1, jpeg_frame(1, 1, 12)) + scan + end, begun + "\xFF\xE0\x00\x01"s + frame + scan + end,
        begun + frame + "\xFF\xDA\x7F\xFF" + end}) {
    CHECK(status_of(bad) == 400);
  }
}

TEST_CASE("a WebP with inconsistent chunks is refused") {
  const std::string frame = webp_lossy_frame(20, 10);
  std::string no_key_frame = lossy_webp();
  no_key_frame[20] |= 1;
  std::string no_start_code = lossy_webp();
  no_start_code[23] = 'x';
  std::string length_too_small = lossy_webp();
  length_too_small.replace(4, 4, little_endian(3, 4));
  for (const std::string& bad :
       {webp_file(""), webp_file("VP8 "), webp_file(webp_chunk("ICCP", "x") + frame),
        webp_file(webp_chunk("VP8 ", "x")), webp_file(webp_canvas(20, 10)), webp_file(webp_canvas(21, 10) + frame),
        webp_file(webp_lossy_frame(0, 1)), webp_file(webp_chunk("VP8L", "\x2F" + little_endian(1u << 31, 4))),
        no_key_frame, no_start_code, length_too_small}) {
    CHECK(status_of(bad) == 400);
  }
  // An animation: its first frame is used.
  CHECK(status_of(webp_file(webp_canvas(20, 10) + webp_chunk("ANIM", "loops") + webp_chunk("ANMF", "frame"))) == 200);
}

}  // namespace tidegate::api::test
