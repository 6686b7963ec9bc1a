// The rules one by one; the byte-exact cases beside the project are in parser_cases_test.cc.
#include "http/parser/parser.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "unit/http/parser/transcript.h"

using namespace tidegate;
using namespace tidegate::http;
using tidegate::test::read_requests;
using tidegate::test::read_response;
using tidegate::test::single;

namespace {

struct Row {
  const char* bytes;
  int status;          // 0: accepted
  const char* detail;  // part of it
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    const auto result = read_requests(row.bytes);
    CHECK(result.refused == (row.status != 0));
    CHECK(read_requests(row.bytes, single) == result);
    if (!result.refused) CHECK(result.messages == 1);
    if (!result.refused) continue;
    CHECK(result.error.status == row.status);
    CHECK(std::string(result.error.detail).find(row.detail) != std::string::npos);
  }
}

// The head of the one request in `bytes`; the parser keeps it alive.
const RequestHead& parse_head(RequestParser& parser, std::string_view bytes) {
  REQUIRE(parser.next(&bytes) == ParseEvent::head);
  return parser.head();
}

}  // namespace

TEST_CASE("request lines are taken exactly or refused") {
  check_rows({
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, ""},
      {"M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", 0, ""},
      {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method"},
      {"FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method"},
      {"DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "method"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "CONNECT"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "neither"},
      {"GET / HTTP/1.9\r\nHost: a\r\n\r\n", 0, ""},
      {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, "version"},
      {"GET / \r\nHost: a\r\n\r\n", 400, "version"},
      {"GET /\r\nHost: a\r\n\r\n", 400, "request line"},
      {"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, "request line"},
  });
}

TEST_CASE("Host is there exactly once on HTTP/1.1 and well-formed") {
  check_rows({
      {"GET / HTTP/1.1\r\n\r\n", 400, "Host is missing"},
      {"GET / HTTP/1.0\r\n\r\n", 0, ""},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400, "repeated"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", 0, ""},
      {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, ""},
      {"GET / HTTP/1.1\r\nHost: [::1]80\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", 400, "Host"},
      {"GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", 0, ""},
      {"GET / HTTP/1.1\r\nHost: a%4\r\n\r\n", 400, "Host"},
  });
}

TEST_CASE("framing is unambiguous or refused") {
  check_rows({
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n", 400, "repeated"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n", 400, "number"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "both"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "1.0"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "chunked"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tchunked\t \r\n\r\n0\r\n\r\n", 0, ""},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: nothing\r\nContent-Length: 1\r\n\r\n", 417, "Expect"},
      {"POST / HTTP/1.0\r\nExpect: nothing\r\n\r\n", 0, ""},
  });
}

TEST_CASE("chunks follow the grammar, and trailers are checked and dropped") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::pair<std::string, bool>> rows = {
      {"3\r\nabc\r\n0\r\n\r\n", true},
      {"03;a;b=c;d=\"e\\\"f\" ; g\r\nabc\r\n0\r\n\r\n", true},
      {"3\r\nabc\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n", true},
      {"3;\r\nabc\r\n0\r\n\r\n", false},
      {"3;a=\r\nabc\r\n0\r\n\r\n", false},
      {"3;a=\"b\r\nabc\r\n0\r\n\r\n", false},
      {"3;a=\"b\"c\r\nabc\r\n0\r\n\r\n", false},
      {"3 \r\nabc\r\n0\r\n\r\n", false},
      {"3\nabc\r\n0\r\n\r\n", false},
      {"3\r\nabcd\r\n0\r\n\r\n", false},
      {"3\r\nabc\r\r0\r\n\r\n", false},
      {"1000000000000000\r\n", false},
      {"\r\n", false},
      {"0\r\n X: folded\r\n\r\n", false},
      {"0\r\nX : y\r\n\r\n", false},
      {"0\r\nX: a\x01\r\n\r\n", false},
  };
  for (const auto& [body, good] : rows) {
    CAPTURE(body);
    const auto result = read_requests(head + body);
    CHECK(result.refused == !good);
    CHECK(read_requests(head + body, single) == result);
    if (good) CHECK(result.messages == 1);
  }
}

TEST_CASE("headers, trailers and chunk extensions are bounded exactly") {
  HeadLimits limits;
  limits.header_bytes = 100;
  limits.header_count = 3;
  limits.chunk_extension_bytes = 10;
  const auto refused = [&](const std::string& bytes) {
    const auto result = read_requests(bytes, tidegate::test::whole, limits);
    CHECK(read_requests(bytes, single, limits) == result);
    if (result.refused) CHECK(result.error.status == 431);
    return result.refused;
  };
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";  // 25 bytes
  CHECK_FALSE(refused(start + "X: " + std::string(68, 'x') + "\r\n\r\n"));
  CHECK(refused(start + "X: " + std::string(69, 'x') + "\r\n\r\n"));
  CHECK(refused(start + std::string(200, 'x')));
  CHECK_FALSE(refused(start + "A: b\r\nC: d\r\n\r\n"));
  CHECK(refused(start + "A: b\r\nC: d\r\nE: f\r\n\r\n"));
  const std::string chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";  // 56 bytes, 2 fields
  CHECK_FALSE(refused(chunked + "1;a=456789\r\nx\r\n0\r\n\r\n"));
  CHECK(refused(chunked + "1;a=4567890\r\nx\r\n1;b\r\nx\r\n0\r\n\r\n"));
  CHECK_FALSE(refused(chunked + "0\r\nX: y\r\n\r\n"));
  CHECK(refused(chunked + "0\r\nX: y\r\nZ: y\r\n\r\n"));
  CHECK(refused(chunked + "0\r\nX: " + std::string(60, 'y') + "\r\n\r\n"));
}

TEST_CASE("keep-alive is what version and Connection say") {
  struct Kept {
    const char* version;
    const char* connection;
    bool kept;
  };
  const std::vector<Kept> rows = {
      {"1.1", "", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: x, CLOSE\r\n", false},
      {"1.1", "Connection: closed\r\n", true},
      {"1.0", "", false},
      {"1.0", "Connection: Keep-Alive\r\n", true},
      {"1.0", "Connection: keep-alive\r\nConnection: close\r\n", false},
  };
  for (const Kept& row : rows) {
    CAPTURE(row.connection);
    RequestParser parser(HeadLimits{});
    const std::string bytes = std::string("GET / HTTP/") + row.version + "\r\nHost: a\r\n" + row.connection + "\r\n";
    CHECK(parse_head(parser, bytes).keep_alive == row.kept);
  }
}

TEST_CASE("body views point into the input") {
  RequestParser parser(HeadLimits{});
  const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
  std::string_view rest = bytes;
  REQUIRE(parser.next(&rest) == ParseEvent::head);
  REQUIRE(parser.next(&rest) == ParseEvent::body);
  CHECK(parser.body().data() == bytes.data() + bytes.size() - 5);
  CHECK(parser.next(&rest) == ParseEvent::complete);
  parser.reset();
  CHECK(parser.idle());
}

TEST_CASE("a parser is idle until the first byte of a message, empty lines aside") {
  RequestParser parser(HeadLimits{});
  std::string_view bytes = "\r\n\r";
  CHECK(parser.next(&bytes) == ParseEvent::need_more);
  CHECK(parser.idle());
  bytes = "\nG";
  CHECK(parser.next(&bytes) == ParseEvent::need_more);
  CHECK_FALSE(parser.idle());
}

TEST_CASE("responses end where their framing says") {
  struct Answer {
    const char* bytes;
    bool to_head, ends;
    int messages;
    bool refused;
    size_t unread;
  };
  const std::vector<Answer> rows = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokEXTRA", false, false, 1, false, 5},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", true, false, 1, false, 0},
      {"HTTP/1.1 204 No Content\r\n\r\n", false, false, 1, false, 0},
      {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, false, 1, false, 0},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, false, 2, false, 0},
      {"HTTP/1.1 200 OK\r\n\r\nall of it", false, true, 1, false, 0},
      {"HTTP/1.1 200 OK\r\n\r\nall of it", false, false, 0, false, 0},
      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", false, true, 0, true, 0},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", false, true, 0, true, 0},
      {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, false, 1, false, 0},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", false, false, 0, true, 0},
      {"HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n", false, false, 1, false, 0},
      {"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n", false, false, 0, true, 0},
      {"HTTP/1.1 099 Low\r\n\r\n", false, false, 0, true, 0},
  };
  for (const Answer& row : rows) {
    CAPTURE(row.bytes);
    const auto result = read_response(row.bytes, row.to_head, row.ends);
    CAPTURE(result.text);
    CHECK(result.messages == row.messages);
    CHECK(result.refused == row.refused);
    if (!row.refused) CHECK(result.unread == row.unread);
    if (row.refused) CHECK(result.error.status == 502);
    CHECK(read_response(row.bytes, row.to_head, row.ends, single) == result);
  }
}

TEST_CASE("white space before a colon is taken out of a response, and its connection is not kept") {
  const auto result =
      read_response("HTTP/1.1 200 OK\r\nX-A \t: v\r\nX-B: w\r\nContent-Length: 0\r\n\r\n", false, false);
  CHECK(result.text.find("X-A=v;X-B=w;") != std::string::npos);
  CHECK_FALSE(result.last_kept);
}
