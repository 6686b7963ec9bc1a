// Pictures that are asked for minutes of work, or by nobody.
#include "optimizer/work_limit.h"

#include <doctest/doctest.h>

#include "optimizer/input.h"
#include "pictures.h"

namespace tidegate::optimizer::test {

namespace {

constexpr char kWanted[] = "NWS";

Refusal refused_within(std::string_view bytes, const WatermarkOptions& wanted, WorkLimit& work) {
  const auto answer = watermark(bytes, wanted, ImageLimits{}, work);
  REQUIRE(std::holds_alternative<Refusal>(answer));
  return std::get<Refusal>(answer);
}

// The data of a large PNG under the header of a small one: it unpacks to far more than its pixels, and a decoder that
// looks for the end of the data has work for as long as somebody sends it more.
std::string endless_png() {
  const std::string large = to_png(halves(16000, 3000, {0, 0, 0}, {9, 9, 9}));
  const std::string small = to_png(halves(64, 64, {0, 0, 0}, {9, 9, 9}));
  const size_t header_end = 8 + 25;
  return small.substr(0, header_end) + large.substr(header_end);
}

}  // namespace

TEST_CASE("a picture whose time is over is refused as the image's doing, whatever its format") {
  const vips::VImage image = gradient(600, 400);
  for (const std::string& bytes :
       {to_png(image), to_jpeg(image), to_webp(image), to_progressive_jpeg(image), endless_png()}) {
    WorkLimit work(0s);
    const Refusal refused = refused_within(bytes, options(kWanted), work);
    CHECK(refused.status == 422);
    CHECK(std::string_view(refused.reason) == "too_slow");
  }
}

TEST_CASE("a picture that nobody waits for is not made") {
  const vips::VImage image = gradient(600, 400);
  for (const std::string& bytes : {to_png(image), to_jpeg(image), to_webp(image)}) {
    WorkLimit work(600s);
    work.cancel();
    CHECK(std::string_view(refused_within(bytes, options(kWanted), work).reason) == "cancelled");
  }
}

TEST_CASE("what is wrong with the request is told even where the time is over") {
  WorkLimit work(0s);
  CHECK(refused_within("hello", options(kWanted), work).status == 415);
  CHECK(refused_within(png_announcing(1, 1), options(""), work).status == 400);
}

TEST_CASE("decoding ends where the work is cancelled") {
  const std::string png = endless_png();
  WorkLimit work(600s);
  work.begin();
  Input input(png, ImageFormat::png, work);
  const vips::VImage image = input.open();
  work.cancel();
  CHECK_THROWS_AS(image.copy_memory(), vips::VError);
  vips_error_clear();
}

TEST_CASE("a PNG's texts do not reach the decoder, and nothing else is missing") {
  const std::string plain = to_png(gradient(60, 40));
  CHECK(without_texts(plain).empty());
  const size_t header_end = 8 + 25;
  std::string texts;
  for (const char* type : {"tEXt", "zTXt", "iTXt"}) texts += png_chunk(type, "Comment" + std::string(20, '\0'));
  const std::string end = png_chunk("IEND", "");
  REQUIRE(plain.ends_with(end));
  const std::string body = plain.substr(header_end, plain.size() - header_end - end.size());
  const std::string full = plain.substr(0, header_end) + texts + body + texts + end;
  CHECK(without_texts(full) == plain);
  CHECK(picture(full, options(kWanted)).bytes == picture(plain, options(kWanted)).bytes);
}

TEST_CASE("a PNG whose chunks are nonsense is left as it is") {
  const std::string signature = "\x89PNG\r\n\x1A\n";
  for (const std::string& rest : {std::string(), std::string("\xFF\xFF\xFF\xFFtEXt"), std::string(11, '\0'),
                                  std::string("\xFF\xFF\xFF\xF0tEXtabcdefgh")}) {
    CHECK(without_texts(signature + rest).empty());
  }
}

}  // namespace tidegate::optimizer::test
