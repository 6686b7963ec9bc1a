// Malicious and damaged images.
#include <doctest/doctest.h>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

using vips::VImage;

namespace {

constexpr char kSecret[] = "SECRET-PLACE";

// With a comment segment and an EXIF block that contain a location.
std::string jpeg_with_secrets() {
  VImage image = gradient(300, 200).copy();
  image.set("exif-ifd0-ImageDescription", "SECRET-PLACE (SECRET-PLACE, ASCII, 13 components, 13 bytes)");
  image.set("exif-ifd3-GPSLatitude", "52/1 31/1 12/1 (52, 31, 12, Rational, 3 components, 24 bytes)");
  std::string jpeg = to_jpeg(image);
  const size_t text_length = sizeof(kSecret) - 1;
  std::string comment("\xFF\xFE\x00", 3);
  comment += static_cast<char>(text_length + 2);
  comment += kSecret;
  return jpeg.insert(2, comment);
}

// Changes the size in the first frame header of a JPEG.
std::string jpeg_announcing(std::string jpeg, uint16_t width, uint16_t height) {
  const size_t frame = jpeg.find("\xFF\xC0");
  REQUIRE(frame != std::string::npos);
  jpeg[frame + 5] = static_cast<char>(height >> 8);
  jpeg[frame + 6] = static_cast<char>(height & 0xFF);
  jpeg[frame + 7] = static_cast<char>(width >> 8);
  jpeg[frame + 8] = static_cast<char>(width & 0xFF);
  return jpeg;
}

void put_little_endian_16(std::string* bytes, size_t at, int value) {
  (*bytes)[at] = static_cast<char>(value & 0xFF);
  (*bytes)[at + 1] = static_cast<char>(value >> 8);
}

// Changes the size of a lossy WebP: in its frame header, and in the canvas size (less one) if there is one.
std::string webp_announcing(std::string webp, uint16_t width, uint16_t height) {
  const size_t frame = webp.find("\x9D\x01\x2A");
  REQUIRE(frame != std::string::npos);
  put_little_endian_16(&webp, frame + 3, width);
  put_little_endian_16(&webp, frame + 5, height);
  const size_t extended = webp.find("VP8X");
  if (extended != std::string::npos) {
    put_little_endian_16(&webp, extended + 12, width - 1);
    put_little_endian_16(&webp, extended + 15, height - 1);
  }
  return webp;
}

}  // namespace

TEST_CASE("the location of a photo is removed") {
  const std::string jpeg = jpeg_with_secrets();
  REQUIRE(jpeg.find(kSecret) != std::string::npos);
  REQUIRE(read(jpeg).get_typeof("exif-ifd3-GPSLatitude") != 0);
  REQUIRE(read(jpeg).get_typeof("exif-ifd0-ImageDescription") != 0);
  for (const ImageFormat format : {ImageFormat::jpeg, ImageFormat::png, ImageFormat::webp}) {
    WatermarkOptions wanted = options("NWS");
    wanted.format = format;
    const std::string bytes = picture(jpeg, wanted).bytes;
    CAPTURE(content_type(format));
    CHECK(bytes.find(kSecret) == std::string::npos);
    CHECK(read(bytes).get_typeof("exif-ifd0-ImageDescription") == 0);
    CHECK(read(bytes).get_typeof("exif-ifd3-GPSLatitude") == 0);
  }
}

TEST_CASE("comments and XMP of a PNG are removed") {
  VImage image = gradient(300, 200).copy();
  image.set("png-comment-0-Comment", kSecret);
  image.set(VIPS_META_XMP_NAME, static_cast<VipsCallbackFn>(nullptr), const_cast<char*>(kSecret), sizeof(kSecret) - 1);
  const std::string png = to_png(image);
  REQUIRE(png.find("zTXtComment") != std::string::npos);
  REQUIRE(read(png).get_typeof(VIPS_META_XMP_NAME) != 0);
  const std::string bytes = picture(png, options("NWS")).bytes;
  for (const char* chunk : {"tEXt", "zTXt", "iTXt", "eXIf", "tIME", "iCCP"}) {
    CHECK(bytes.find(chunk) == std::string::npos);
  }
}

TEST_CASE("a colour profile is applied before it is removed") {
  VImage image = halves(300, 200, {200, 100, 50}, {200, 100, 50}).copy();
  VipsBlob* profile = VImage::profile_load("p3");
  size_t size = 0;
  const void* data = vips_blob_get(profile, &size);
  image.set(VIPS_META_ICC_NAME, static_cast<VipsCallbackFn>(nullptr), const_cast<void*>(data), size);
  const std::string png = to_png(image);
  vips_area_unref(reinterpret_cast<VipsArea*>(profile));
  REQUIRE(read(png).get_typeof(VIPS_META_ICC_NAME) != 0);
  const VImage after = read(picture(png, options("NWS")).bytes);
  CHECK(after.get_typeof(VIPS_META_ICC_NAME) == 0);
  CHECK(mean(after, 0, 0, 100, 100)[0] > 205);  // red is stronger in P3 than in sRGB
}

TEST_CASE("an invalid colour profile is ignored") {
  VImage image = gradient(300, 200).copy();
  std::string nonsense(200, 'x');
  image.set(VIPS_META_ICC_NAME, static_cast<VipsCallbackFn>(nullptr), nonsense.data(), nonsense.size());
  CHECK(picture(to_jpeg(image), options("NWS")).width == 300);
}

TEST_CASE("an unsupported format is refused") {
  const std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>)";
  const std::string gif = "GIF89a\x01\x00\x01\x00";
  for (const std::string& bytes :
       {std::string("hello"), std::string("\0\0\0\0", 4), svg, gif, std::string("%PDF-1.7\n"),
        std::string("II*\0\x08\0\0\0", 8), std::string("RIFF\x04\0\0\0WAVE", 12), std::string("\xFF\xD8"),
        std::string("\x89PNG")}) {
    const Refusal refused = refusal(bytes);
    CHECK(refused.status == 415);
    CHECK(std::string_view(refused.reason) == "unsupported_media_type");
  }
  CHECK(refusal("").status == 400);
}

TEST_CASE("an image with only valid first bytes is refused") {
  for (const std::string& bytes : {std::string("\xFF\xD8\xFF"), std::string("\x89PNG\r\n\x1A\n"),
                                   std::string("RIFF\xFF\xFF\0\0WEBP", 12), "\xFF\xD8\xFF" + std::string(5000, 'x')}) {
    CHECK(refusal(bytes).status == 400);
  }
}

TEST_CASE("a truncated image is refused wherever it ends") {
  const VImage image = gradient(300, 200);
  for (const std::string& whole : {to_jpeg(image), to_png(image), to_webp(image)}) {
    for (size_t eighth = 1; eighth < 8; ++eighth) {
      CAPTURE(eighth);
      CHECK(refusal(std::string_view(whole).substr(0, whole.size() * eighth / 8)).status == 400);
    }
  }
  const std::string jpeg = to_jpeg(image);
  CHECK(refusal(std::string_view(jpeg).substr(0, jpeg.size() - 40)).status == 400);
}

TEST_CASE("a corrupted image is refused or watermarked, and nothing worse") {
  const VImage image = gradient(300, 200);
  for (const std::string& whole : {to_jpeg(image), to_png(image), to_webp(image)}) {
    for (size_t at = 12; at < whole.size(); at += whole.size() / 60 + 1) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ 0x55);
      const auto response = attempt(changed, options("NWS"));
      if (const auto* refused = std::get_if<Refusal>(&response)) CHECK(refused->status < 500);
    }
  }
}

TEST_CASE("a PNG with a wrong checksum is refused") {
  std::string png = to_png(gradient(300, 200));
  const size_t data = png.find("IDAT");
  png[data + 40] = static_cast<char>(png[data + 40] ^ 1);
  CHECK(refusal(png).status == 400);
}

// None of these has pixels: decoding them would give a 400, not a 413.
TEST_CASE("an image that is too large is refused by its header") {
  CHECK(refusal(png_announcing(8000, 8000)).status == 413);
  CHECK(refusal(png_announcing(60000, 60000)).status == 413);
  CHECK(refusal(png_announcing(0x7FFFFFFF, 0x7FFFFFFF)).status == 413);
  CHECK(refusal(png_announcing(16385, 1)).status == 413);
  CHECK(refusal(png_announcing(1, 16385)).status == 413);
  CHECK(refusal(jpeg_announcing(to_jpeg(gradient(64, 64)), 65500, 65500)).status == 413);
  CHECK(refusal(jpeg_announcing(to_jpeg(gradient(64, 64)), 16384, 16384)).status == 413);
  CHECK(refusal(webp_announcing(to_webp(gradient(64, 64)), 16383, 16383)).status == 413);
  CHECK(refusal(png_announcing(4000, 4000)).status == 400);
}

TEST_CASE("max_width does not admit an image that is too large") {
  WatermarkOptions wanted = options("NWS");
  wanted.max_width = 16;
  CHECK(refusal(png_announcing(8000, 8000), wanted).status == 413);
}

TEST_CASE("the caller sets the limits") {
  const std::string png = to_png(gradient(100, 100));
  CHECK(std::holds_alternative<Picture>(attempt(png, options("NWS"), {10'000, 100})));
  CHECK(std::get<Refusal>(attempt(png, options("NWS"), {9'999, 100})).status == 413);
  CHECK(std::get<Refusal>(attempt(png, options("NWS"), {10'000, 99})).status == 413);
}

TEST_CASE("an image too long for WebP is refused with a reason") {
  WatermarkOptions wanted = options("NWS");
  wanted.format = ImageFormat::webp;
  const Refusal refused = refusal(to_png(gradient(16384, 2)), wanted);
  CHECK(refused.status == 400);
  CHECK(refused.detail.find("16383") != std::string::npos);
}

}  // namespace tidegate::optimizer::test
