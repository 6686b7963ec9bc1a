#include "http/target/path.h"

#include <doctest/doctest.h>

#include <random>
#include <vector>

#include "http/target/percent.h"

namespace tidegate::http {

namespace {

// The same by other means: split into segments, each rewritten by itself, and joined again.
std::string by_segments(std::string_view path) {
  std::vector<std::string> kept;
  bool ends_with_slash = true;
  for (std::string_view rest = path.substr(1);;) {
    const std::string_view raw = rest.substr(0, rest.find('/'));
    std::string segment;
    for (size_t i = 0; i < raw.size(); ++i) {
      const auto decoded = raw[i] == '%' ? percent_decode(raw.substr(i, 3)) : std::nullopt;
      segment += decoded ? percent_encode(*decoded) : raw.substr(i, 1);
      if (decoded) i += 2;
    }
    if (segment == ".." && !kept.empty()) kept.pop_back();
    ends_with_slash = segment.empty() || segment == "." || segment == "..";
    if (!ends_with_slash) kept.push_back(segment);
    if (raw.size() == rest.size()) break;
    rest.remove_prefix(raw.size() + 1);
  }
  std::string joined;
  for (const std::string& segment : kept) joined += "/" + segment;
  return ends_with_slash ? joined + "/" : joined;
}

}  // namespace

TEST_CASE("a path has one normal form, however it is written") {
  struct Row {
    const char* path;
    const char* normal;
  };
  for (const Row& row : std::vector<Row>{
           {"/optimize", "/optimize"},
           {"/%6fptimize", "/optimize"},
           {"/%6Fptimize", "/optimize"},
           {"/./optimize", "/optimize"},
           {"//optimize", "/optimize"},
           {"///optimize", "/optimize"},
           {"/x/../optimize", "/optimize"},
           {"/x/%2e%2e/optimize", "/optimize"},
           {"/x/.%2E/optimize", "/optimize"},
           {"/x/%2e./optimize", "/optimize"},
           {"/%2e/optimize", "/optimize"},
           {"/x//../optimize", "/optimize"},
           {"//..//optimize", "/optimize"},
           {"/../../optimize", "/optimize"},
           {"/", "/"},
           {"//", "/"},
           {"/.", "/"},
           {"/..", "/"},
           {"/../..", "/"},
           {"/a/.", "/a/"},
           {"/a/./", "/a/"},
           {"/a/..", "/"},
           {"/a/b/..", "/a/"},
           {"/a/b/../", "/a/"},
           {"/a/b/../..", "/"},
           {"/a//", "/a/"},
           {"/a/", "/a/"},
           {"/.a/..b/c.", "/.a/..b/c."},
           {"/...", "/..."},
           {"/a%2fb", "/a%2Fb"},
           {"/a%5cb", "/a%5Cb"},
           {"/a%2f..%2fb", "/a%2F..%2Fb"},
           {"/..%2f", "/..%2F"},
           {"/%c3%bc", "/%C3%BC"},
           {"/%7E%2d%5f%2E%41%7a%30", "/~-_.Az0"},
           {"/%252e%252e/a", "/%252e%252e/a"},
           {"/%25%32%65", "/%252e"},
           {"/a;x=1/..;y/b", "/a;x=1/..;y/b"},
           {"/a:b@c!$&'()*+,;=", "/a:b@c!$&'()*+,;="},
           {"/a|b^[c]", "/a|b^[c]"},
       }) {
    CAPTURE(row.path);
    CHECK(normal_path(row.path) == row.normal);
    CHECK(is_normal_path(row.path) == (std::string_view(row.path) == row.normal));
    CHECK(is_normal_path(row.normal));
    CHECK(by_segments(row.path) == row.normal);
  }
}

TEST_CASE("the normal form of any path is normal, not longer, and what reading it by segments gives") {
  const std::vector<std::string> pieces = {"/", "/", ".", "..", "%2e", "%2E", "%2f", "%5c", "a", "%61", "%c3", "|"};
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string path = "/";
    for (int n = static_cast<int>(random() % 12); n > 0; --n) path += pieces[random() % pieces.size()];
    CAPTURE(path);
    const std::string normal = normal_path(path);
    REQUIRE(normal == by_segments(path));
    REQUIRE(is_normal_path(normal));
    REQUIRE(is_normal_path(path) == (path == normal));
    REQUIRE(normal.size() <= path.size());
  }
}

TEST_CASE("an encoded slash or backslash is found in either case, and nothing else is taken for one") {
  for (const char* path : {"/a%2fb", "/a%2Fb", "/a%5c", "/%5C/"}) CHECK(has_encoded_slash(path));
  for (const char* path : {"/", "/a/b", "/%252f", "/%20%2e", "/2f"}) CHECK_FALSE(has_encoded_slash(path));
}

}  // namespace tidegate::http
