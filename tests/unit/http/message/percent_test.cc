#include "http/message/percent.h"

#include <doctest/doctest.h>

namespace tidegate::http {

TEST_CASE("a text is encoded so that any text passes") {
  CHECK(percent_encode("a-Z_0.~") == "a-Z_0.~");
  CHECK(percent_encode("© a&b=c+%/\n") == "%C2%A9%20a%26b%3Dc%2B%25%2F%0A");
}

}  // namespace tidegate::http
