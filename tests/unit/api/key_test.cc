#include "api/upload/key.h"

#include <doctest/doctest.h>

#include <set>

#include "api/store/image.h"

namespace tidegate::api::test {

TEST_CASE("a key is the same on every machine") {
  // sha256 of "i" "t" "p" and three eight-byte ones.
  CHECK(key_of("i", "t", "p") == "e2c1bc27047627095d3c75e44aab732ace6e881d4ff41046b3c7e1af9d87740a");
}

TEST_CASE("a key does not depend on how the image came in") {
  KeyHasher hasher;
  for (const char c : std::string_view("picture")) hasher.add_image({&c, 1});
  CHECK(hasher.finish("text", "center") == key_of("picture", "text", "center"));
}

TEST_CASE("what moves between image, text and position makes another key") {
  std::set<std::string> keys;
  const std::string all = "abcd";
  int count = 0;
  for (size_t first = 0; first <= all.size(); ++first) {
    for (size_t second = first; second <= all.size(); ++second, ++count) {
      keys.insert(key_of(all.substr(0, first), all.substr(first, second - first), all.substr(second)));
    }
  }
  // Nor can a text pretend to hold the lengths that end another upload.
  keys.insert(key_of("a", std::string("b\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0", 25), ""));
  CHECK(keys.size() == static_cast<size_t>(count) + 1);
}

TEST_CASE("only 64 lower-case hexadecimal digits are a key") {
  const std::string key = key_of("", "", "");
  CHECK(is_key(key));
  CHECK_FALSE(is_key(key.substr(1)));
  CHECK_FALSE(is_key(key + "0"));
  CHECK_FALSE(is_key(std::string(64, 'A')));
  CHECK_FALSE(is_key(std::string(64, '/')));
}

TEST_CASE("images are known by their first bytes") {
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
