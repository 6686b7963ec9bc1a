// The time limit and the cancellation of the work on an image.
#include "optimizer/image/work_limit.h"

#include <doctest/doctest.h>

#include "optimizer/image/input.h"
#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

namespace {

constexpr char kWanted[] = "NWS";

Refusal refused_within(std::string_view bytes, const WatermarkOptions& wanted, WorkLimit& work) {
  const auto response = watermark(bytes, wanted, ImageLimits{}, work);
  REQUIRE(std::holds_alternative<Refusal>(response));
  return std::get<Refusal>(response);
}

// The data of a large PNG with the header of a small one: it decompresses to far more than its pixels, and a decoder
// that looks for the end of the data works as long as there is more input.
std::string endless_png() {
  const std::string large = to_png(halves(16000, 3000, {0, 0, 0}, {9, 9, 9}));
  const std::string small = to_png(halves(64, 64, {0, 0, 0}, {9, 9, 9}));
  const size_t header_end = 8 + 25;
  return small.substr(0, header_end) + large.substr(header_end);
}

}  // namespace

TEST_CASE("an image that exceeds the time limit is refused with 422, whatever its format") {
  const vips::VImage image = gradient(600, 400);
  for (const std::string& bytes :
       {to_png(image), to_jpeg(image), to_webp(image), to_progressive_jpeg(image), endless_png()}) {
    WorkLimit work(0s);
    const Refusal refused = refused_within(bytes, options(kWanted), work);
    CHECK(refused.status == 422);
    CHECK(std::string_view(refused.reason) == "too_slow");
  }
}

TEST_CASE("a cancelled image is not processed") {
  const vips::VImage image = gradient(600, 400);
  for (const std::string& bytes : {to_png(image), to_jpeg(image), to_webp(image)}) {
    WorkLimit work(600s);
    work.cancel();
    CHECK(std::string_view(refused_within(bytes, options(kWanted), work).reason) == "cancelled");
  }
}

TEST_CASE("an error in the request is reported even after the time limit") {
  WorkLimit work(0s);
  CHECK(refused_within("hello", options(kWanted), work).status == 415);
  CHECK(refused_within(png_announcing(1, 1), options(""), work).status == 400);
}

TEST_CASE("decoding ends when the work is cancelled") {
  const std::string png = endless_png();
  WorkLimit work(600s);
  work.begin();
  Input input(png, ImageFormat::png, work);
  const vips::VImage image = input.open();
  work.cancel();
  CHECK_THROWS_AS(image.copy_memory(), vips::VError);
  vips_error_clear();
}

}  // namespace tidegate::optimizer::test
