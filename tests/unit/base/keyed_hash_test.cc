// HMAC and base64 against published values.
#include "base/keyed_hash.h"

#include <doctest/doctest.h>

#include "base/ids.h"

namespace tidegate {

TEST_CASE("HMAC-SHA256 is that of RFC 4231") {
  const auto digest = hmac_sha256("Jefe", "what do ya want for nothing?");
  CHECK(to_hex(digest.data(), digest.size()) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST_CASE("base64 is that of RFC 4648, both ways") {
  for (const auto& [bytes, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text) == std::string(bytes));
  }
  for (const char* text : {"Z", "Zg=", "Zg===", "Zm9v\n", "Zm 9", "Zm=v", "Zg==Zg==", "Zm-_"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text));
  }
}

}  // namespace tidegate
