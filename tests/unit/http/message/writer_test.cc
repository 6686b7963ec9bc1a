#include "http/message/writer.h"

#include <doctest/doctest.h>

#include <string>

#include "http/message/head.h"
#include "http/message/http_date.h"
#include "http/message/problem.h"

using namespace tidegate;
using namespace tidegate::http;

TEST_CASE("a start line and headers are written as in RFC 9112") {
  std::string out;
  HeadWriter writer(out);
  writer.request_line("GET", "/a?b");
  writer.field("Host", "a.test");
  writer.field("Content-Length", uint64_t{18446744073709551615u});
  writer.end();
  CHECK(out == "GET /a?b HTTP/1.1\r\nHost: a.test\r\nContent-Length: 18446744073709551615\r\n\r\n");
}

TEST_CASE("a status line takes the standard phrase unless it is given one") {
  std::string out;
  HeadWriter writer(out);
  writer.status_line(502);
  writer.status_line(200, "Fine");
  writer.status_line(999);
  CHECK(out == "HTTP/1.1 502 Bad Gateway\r\nHTTP/1.1 200 Fine\r\nHTTP/1.1 999 \r\n");
  CHECK(reason_phrase(418).empty());
  CHECK(reason_phrase(99).empty());
  CHECK(reason_phrase(600).empty());
}

TEST_CASE("chunk headers are hexadecimal") {
  char buffer[24];
  CHECK(chunk_header(26, buffer) == "1a\r\n");
  CHECK(chunk_header(~size_t{0}, buffer) == "ffffffffffffffff\r\n");
}

TEST_CASE("fields of one connection are distinguished from those of the message") {
  Fields fields;
  fields.add("Connection", "X-Foo, Host, Authorization");
  fields.add("connection", " X-Forwarded-For,, close, Tidegate-Body-Ref");
  for (const char* hop : {"Connection", "KEEP-ALIVE", "te", "Trailer", "Transfer-Encoding", "Upgrade",
                          "Proxy-Connection", "HTTP2-Settings", "x-foo", "Proxy-Authenticate"}) {
    CAPTURE(hop);
    CHECK(is_hop_by_hop(hop, fields));
  }
  for (const char* end : {"Host", "Content-Length", "Authorization", "X-Forwarded-For", "X-Bar", "Tidegate-Body-Ref"}) {
    CAPTURE(end);
    CHECK_FALSE(is_hop_by_hop(end, fields));
  }
}

TEST_CASE("lists are read token by token") {
  CHECK(list_contains("a, B ,,c", "b"));
  CHECK(list_contains("close", "close"));
  CHECK_FALSE(list_contains("closed, not-close", "close"));
  CHECK_FALSE(list_contains("", "close"));
  CHECK(trim_ows(" \t a b \t") == "a b");
  CHECK(trim_ows(" \t ").empty());
}

TEST_CASE("fields are found by name whatever its case") {
  Fields fields;
  fields.add("Set-Cookie", "a");
  fields.add("set-cookie", "b");
  CHECK(fields.find("SET-COOKIE") == "a");
  CHECK(fields.count("set-cookie") == 2);
  CHECK_FALSE(fields.find("cookie").has_value());
}

TEST_CASE("a problem is valid JSON whatever is in it") {
  Problem problem;
  problem.status = 503;
  problem.reason = "breaker_open";
  problem.detail = "say \"no\"\n";
  CHECK(problem_json(problem, {{"retry_after", "12"}}) ==
        "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"say \\\"no\\\"\\n\","
        "\"reason\":\"breaker_open\",\"retry_after\":12}");
}

TEST_CASE("dates are IMF-fixdate") {
  CHECK(http_date(WallTime(784111777s)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(http_date(WallTime(1796000383s + 999ms)) == "Mon, 30 Nov 2026 00:59:43 GMT");
}
