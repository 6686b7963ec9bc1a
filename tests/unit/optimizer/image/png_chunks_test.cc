#include "optimizer/image/png_chunks.h"

#include <doctest/doctest.h>

#include <string>

#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

TEST_CASE("only the text chunks of a PNG are removed") {
  const std::string plain = to_png(gradient(60, 40));
  CHECK(without_text_chunks(plain).empty());
  const size_t header_end = 8 + 25;
  std::string texts;
  for (const char* type : {"tEXt", "zTXt", "iTXt"}) texts += png_chunk(type, "Comment" + std::string(20, '\0'));
  const std::string end = png_chunk("IEND", "");
  REQUIRE(plain.ends_with(end));
  const std::string body = plain.substr(header_end, plain.size() - header_end - end.size());
  const std::string full = plain.substr(0, header_end) + texts + body + texts + end;
  CHECK(without_text_chunks(full) == plain);
  CHECK(picture(full, options("NWS")).bytes == picture(plain, options("NWS")).bytes);
}

TEST_CASE("a PNG with invalid chunks is not changed") {
  const std::string signature = "\x89PNG\r\n\x1A\n";
  for (const std::string& rest : {std::string(), std::string("\xFF\xFF\xFF\xFFtEXt"), std::string(11, '\0'),
                                  std::string("\xFF\xFF\xFF\xF0tEXtabcdefgh")}) {
    CHECK(without_text_chunks(signature + rest).empty());
  }
}

}  // namespace tidegate::optimizer::test
