#include "api/upload/key.h"

#include <doctest/doctest.h>

#include <set>

namespace tidegate::api::test {

TEST_CASE("a key is the same on every machine") {
  // SHA-256 of "itp" and three times the length 1 in eight bytes.
  CHECK(key_of("i", "t", "p") == "e2c1bc27047627095d3c75e44aab732ace6e881d4ff41046b3c7e1af9d87740a");
}

TEST_CASE("a key does not depend on how the image was split") {
  KeyHasher hasher;
  for (const char c : std::string_view("picture")) hasher.add_image({&c, 1});
  CHECK(hasher.finish("text", "center") == key_of("picture", "text", "center"));
}

TEST_CASE("bytes that move between image, text and position give another key") {
  std::set<std::string> keys;
  const std::string all = "abcd";
  int count = 0;
  for (size_t first = 0; first <= all.size(); ++first) {
    for (size_t second = first; second <= all.size(); ++second, ++count) {
      keys.insert(key_of(all.substr(0, first), all.substr(first, second - first), all.substr(second)));
    }
  }
  // A text that contains the lengths of another upload gives another key, too.
  keys.insert(key_of("a", std::string("b\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0", 25), ""));
  CHECK(keys.size() == static_cast<size_t>(count) + 1);
}

TEST_CASE("a key is 64 lower-case hexadecimal digits") {
  const std::string key = key_of("", "", "");
  CHECK(is_key(key));
  CHECK_FALSE(is_key(key.substr(1)));
  CHECK_FALSE(is_key(key + "0"));
  CHECK_FALSE(is_key(std::string(64, 'A')));
  CHECK_FALSE(is_key(std::string(64, '/')));
}

}  // namespace tidegate::api::test
