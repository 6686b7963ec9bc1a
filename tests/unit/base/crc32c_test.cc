#include "base/crc32c.h"

#include <string>

#include <doctest/doctest.h>

using tidegate::crc32c;

TEST_CASE("crc32c: the vectors of RFC 3720 B.4, in one piece and in many") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  std::string rising;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i);
  CHECK(crc32c(rising) == 0x46dd794e);
  for (size_t cut = 0; cut <= rising.size(); ++cut) {
    CHECK(crc32c(rising.substr(cut), crc32c(rising.substr(0, cut))) == 0x46dd794e);
  }
}
