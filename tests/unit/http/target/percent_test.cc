#include "http/target/percent.h"

#include <doctest/doctest.h>

namespace tidegate::http {

TEST_CASE("a text is encoded so that any text passes") {
  CHECK(percent_encode("a-Z_0.~") == "a-Z_0.~");
  CHECK(percent_encode("© a&b=c+%/\n") == "%C2%A9%20a%26b%3Dc%2B%25%2F%0A");
}

TEST_CASE("percent-decoding is the reverse, and refuses a % without two hexadecimal digits") {
  CHECK(percent_decode("a%20b%2Fc%2f") == "a b/c/");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  for (const char* invalid : {"%", "a%4", "%zz", "%4g"}) {
    CAPTURE(invalid);
    CHECK(!percent_decode(invalid));
  }
}

}  // namespace tidegate::http
