// Request targets: their forms, what they are split into, and what goes on.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "http/parser/parser.h"
#include "unit/http/parser/transcript.h"

using namespace tidegate::http;

namespace {

// "" = accepted, else a part of the detail.
void check_target(const std::string& target, std::string_view refused, const std::string& method = "GET") {
  CAPTURE(target);
  const auto result = tidegate::test::read_requests(method + " " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(result.refused == !refused.empty());
  if (!result.refused) return;
  CHECK(result.error.status == 400);
  CHECK(std::string(result.error.detail).find(refused) != std::string::npos);
}

struct Split {
  const char* method;
  const char* target;
  const char* settled;
  const char* path;
  const char* query;
  const char* authority;
};

void check_split(const std::vector<Split>& rows, const PathRules& rules) {
  for (const Split& row : rows) {
    CAPTURE(row.target);
    RequestParser parser(HeadLimits{}, rules);
    const std::string bytes = std::string(row.method) + " " + row.target + " HTTP/1.1\r\nHost: host.test\r\n\r\n";
    std::string_view rest = bytes;
    REQUIRE(parser.next(&rest) == ParseEvent::head);
    const RequestHead& head = parser.head();
    CHECK(head.method == row.method);
    CHECK(head.path == row.path);
    CHECK(head.query == row.query);
    CHECK(head.authority == row.authority);
    CHECK(head.target == row.settled);
    CHECK(head.fields.find("host") == "host.test");
    CHECK(parser.next(&rest) == ParseEvent::complete);
  }
}

std::string refusal(const std::string& target, const PathRules& rules) {
  RequestParser parser(HeadLimits{}, rules);
  const std::string bytes = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
  std::string_view rest = bytes;
  return parser.next(&rest) == ParseEvent::error ? parser.error().detail : "";
}

}  // namespace

TEST_CASE("request targets have one of the legal forms") {
  check_target("*", "", "OPTIONS");
  check_target("*", "target");
  check_target("ftp://a/", "target");
  check_target("HTTP://a/", "");
  check_target("http:///x", "authority");
  check_target("/a?b=%zz", "percent");
  check_target("/a?b=%00", "");
  check_target("/%00", "percent");
  check_target("/%", "percent");
  check_target("/%4", "percent");
  check_target("/\xc3\xa4", "character");
}

TEST_CASE("what browsers leave unescaped is let through, and nothing else that a URI may not contain") {
  check_target("/a|b^c[1]", "");
  check_target("/a?b|c^d[]{}`\\e", "");
  for (const char c : std::string("\"<>{}`\\#")) check_target(std::string("/a") + c, "character");
  for (const char c : std::string("\"<>#")) check_target(std::string("/a?b") + c, "character");
}

TEST_CASE("the target is split into path, query and authority, and goes on in origin form") {
  check_split(
      {
          {"GET", "/a/b?c=d?e", "/a/b?c=d?e", "/a/b", "c=d?e", "host.test"},
          {"GET", "/a?", "/a?", "/a", "", "host.test"},
          {"GET", "http://other.test:81/x?y", "/x?y", "/x", "y", "other.test:81"},
          {"GET", "http://other.test", "/", "/", "", "other.test"},
          {"GET", "http://other.test?q", "/?q", "/", "q", "other.test"},
          {"GET", "http://other.test?", "/?", "/", "", "other.test"},
          {"GET", "http://other.test/?", "/?", "/", "", "other.test"},
          {"GET", "/./a//%61?./a", "/./a//%61?./a", "/./a//%61", "./a", "host.test"},
          {"OPTIONS", "http://other.test", "*", "*", "", "other.test"},
          {"OPTIONS", "*", "*", "*", "", "host.test"},
      },
      {});
}

TEST_CASE("a path that is not normal becomes so where it is asked for; the query stays as it is") {
  check_split(
      {
          {"GET", "/a/b?c=d?e", "/a/b?c=d?e", "/a/b", "c=d?e", "host.test"},
          {"GET", "/./a//%61?./a//%61/..", "/a/a?./a//%61/..", "/a/a", "./a//%61/..", "host.test"},
          {"POST", "/x/../%6fptimize", "/optimize", "/optimize", "", "host.test"},
          {"GET", "/..?", "/?", "/", "", "host.test"},
          {"GET", "http://other.test/a/..//b?y", "/b?y", "/b", "y", "other.test"},
          {"GET", "http://other.test/..", "/", "/", "", "other.test"},
          {"GET", "http://other.test?/../a", "/?/../a", "/", "/../a", "other.test"},
          {"OPTIONS", "*", "*", "*", "", "host.test"},
          {"OPTIONS", "http://other.test", "*", "*", "", "other.test"},
      },
      {PathNormalization::normalize, EncodedSlashes::keep});
}

TEST_CASE("a path that is not normal, or has an encoded slash, is refused where it is asked for") {
  const PathRules normal_only{PathNormalization::reject, EncodedSlashes::keep};
  for (const char* path : {"/%61", "/./a", "//a", "/a/..", "/%c3", "http://a//"}) {
    CHECK(refusal(path, normal_only).find("path_normalization") != std::string::npos);
  }
  for (const char* path : {"/a", "/a?//", "/%C3", "/a%2Fb", "http://a", "/"}) CHECK(refusal(path, normal_only) == "");
  const PathRules no_slashes{PathNormalization::normalize, EncodedSlashes::reject};
  for (const char* path : {"/a%2fb", "/%5C", "http://a/%2F"}) {
    CHECK(refusal(path, no_slashes).find("encoded_slashes") != std::string::npos);
  }
  for (const char* path : {"/a/%2e%2e/b", "/a?%2f", "http://a?%5c"}) CHECK(refusal(path, no_slashes) == "");
}

TEST_CASE("the target of each request on one connection is its own") {
  RequestParser parser(HeadLimits{}, {PathNormalization::normalize, EncodedSlashes::keep});
  for (const char* path : {"/a/../long/path/of/the/first", "/b", "//c"}) {
    const std::string bytes = std::string("GET ") + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
    std::string_view rest = bytes;
    REQUIRE(parser.next(&rest) == ParseEvent::head);
    CHECK(parser.head().target == normal_path(path));
    REQUIRE(parser.next(&rest) == ParseEvent::complete);
    parser.reset();
  }
}
