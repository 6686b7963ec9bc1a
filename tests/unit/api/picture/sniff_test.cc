#include "api/picture/sniff.h"

#include <doctest/doctest.h>

#include <string>

namespace tidegate::api::test {

TEST_CASE("images are recognized by their first bytes") {
  using namespace std::string_view_literals;
  CHECK(sniff_image("\xFF\xD8\xFF\xE0 and more") == "image/jpeg");
  CHECK(sniff_image("\x89PNG\r\n\x1A\n and more") == "image/png");
  CHECK(sniff_image("RIFF\1\2\3\4WEBPVP8 ") == "image/webp");
  for (const auto text :
       {""sv, "GIF89a......"sv, "<svg xmlns="sv, "RIFF\1\2\3\4WAVE"sv, "RIFF\1\2\3\4WEB"sv, "\x89PNG"sv}) {
    CHECK(sniff_image(text).empty());
  }
}

}  // namespace tidegate::api::test
