#include "core/upstream/forward.h"

#include <doctest/doctest.h>

namespace tidegate::core {

namespace {

struct Request {
  Request() {
    head.method = "POST";
    head.target = "/a?b=c";
    head.path = "/a";
    head.query = "b=c";
    head.authority = "service.test";
    head.framing = http::Framing::content_length;
    head.content_length = 5;
    head.fields.add("Host", "service.test");
    head.fields.add("Content-Length", "5");
  }
  std::string written(bool trusted = false) {
    Random random(1);
    RequestContext context = make_context(head, *IpAddress::parse("192.0.2.1"), trusted, "new-id", random);
    context.upgrade = upgrade;
    std::string out;
    write_request_head(out, head, context, {"up:1", {head.framing, head.content_length}, "X-Request-Timeout-Ms", 1500});
    return out;
  }
  http::RequestHead head;
  std::string_view upgrade;
};

bool has(const std::string& text, std::string_view line) { return text.find(line) != std::string::npos; }

}  // namespace

TEST_CASE("a forwarded request keeps its end-to-end fields and gains Tidegate's own") {
  Request request;
  request.head.fields.add("Accept", "image/png");
  request.head.fields.add("Connection", "close, X-Secret");
  request.head.fields.add("X-Secret", "hop");
  request.head.fields.add("TE", "trailers");
  request.head.fields.add("Expect", "100-continue");
  request.head.fields.add("x-request-timeout-ms", "99999");
  const std::string out = request.written();
  CHECK(out.starts_with("POST /a?b=c HTTP/1.1\r\nHost: service.test\r\n"));
  CHECK(has(out, "Accept: image/png\r\n"));
  CHECK(has(out, "Via: 1.1 tidegate\r\n"));
  CHECK(has(out, "X-Forwarded-For: 192.0.2.1\r\n"));
  CHECK(has(out, "X-Forwarded-Host: service.test\r\n"));
  CHECK(has(out, "X-Request-Id: new-id\r\n"));
  CHECK(has(out, "traceparent: 00-"));
  CHECK(has(out, "X-Request-Timeout-Ms: 1500\r\n"));
  CHECK(has(out, "Content-Length: 5\r\n"));
  CHECK(out.ends_with("\r\n\r\n"));
  for (const char* gone : {"X-Secret", "Connection", "TE:", "Expect", "99999"}) CHECK_FALSE(has(out, gone));
}

TEST_CASE("the client address comes from Tidegate or from a trusted proxy, never from the client") {
  Request request;
  for (const char* name : {"Forwarded", "X-Real-IP", "X-Forwarded-Port", "x-forwarded-prefix"}) {
    request.head.fields.add(name, "spoofed");
  }
  request.head.fields.add("Proxy-Authorization", "Basic c2VjcmV0");
  CHECK_FALSE(has(request.written(false), "spoofed"));
  CHECK(has(request.written(true), "X-Forwarded-Port: spoofed\r\n"));
  CHECK_FALSE(has(request.written(true), "Proxy-Authorization"));
}

TEST_CASE("what servers may read as the client's address, host or id reaches them from a trusted proxy only") {
  for (const char* name : {"X_Forwarded_For", "x_forwarded-for", "X-Forwarded_Host", "X-Forwarded", "Forwarded-For",
                           "X_Real_IP", "Real-IP", "True-Client-IP", "True_Client-Ip", "X-Client-IP", "Client-IP",
                           "X-Cluster-Client-IP", "CF-Connecting-IP", "CF-Connecting-IPv6", "Fastly-Client-IP",
                           "X-Original-Forwarded-For", "X-Remote-Addr", "X-Originating-IP"}) {
    CAPTURE(name);
    Request request;
    request.head.fields.add(name, "spoofed");
    CHECK_FALSE(has(request.written(false), "spoofed"));
    CHECK(has(request.written(true), std::string(name) + ": spoofed\r\n"));
    request.head.fields.add("Connection", name);  // it is not for the sender to remove what its proxy has told
    CHECK(has(request.written(true), std::string(name) + ": spoofed\r\n"));
  }
  for (const char* name : {"X_Request_Id", "Content_Length", "Tidegate_Body_Ref", "Proxy_Authorization"}) {
    CAPTURE(name);
    Request request;
    request.head.fields.add(name, "spoofed");
    CHECK_FALSE(has(request.written(false), "spoofed"));
  }
  for (const char* name : {"X-Client", "X-Client-Version", "My_Field", "Host-Name", "X-IP"}) {
    CAPTURE(name);
    Request request;
    request.head.fields.add(name, "kept");
    CHECK(has(request.written(false), std::string(name) + ": kept\r\n"));
  }
}

TEST_CASE("Max-Forwards is counted down where it has a meaning, and only there") {
  Request request;
  request.head.fields.add("Max-Forwards", "7");
  CHECK(!hops_left(request.head));
  CHECK(has(request.written(), "Max-Forwards: 7\r\n"));
  request.head.method = "OPTIONS";
  CHECK(hops_left(request.head) == 7);
  CHECK(has(request.written(), "Max-Forwards: 6\r\n"));
  Request last;
  last.head.method = "TRACE";
  last.head.fields.add("max-forwards", "0");
  CHECK(hops_left(last.head) == 0);
  Request odd;
  odd.head.method = "OPTIONS";
  odd.head.fields.add("Max-Forwards", "-1");
  CHECK(!hops_left(odd.head));
}

TEST_CASE("only a trusted peer's X-Forwarded-For and X-Request-Id are believed") {
  Request request;
  request.head.fields.add("X-Forwarded-For", "198.51.100.7");
  request.head.fields.add("X-Request-Id", "theirs-1");
  CHECK(has(request.written(true), "X-Forwarded-For: 198.51.100.7, 192.0.2.1\r\n"));
  CHECK(has(request.written(true), "X-Request-Id: theirs-1\r\n"));
  CHECK(has(request.written(false), "X-Forwarded-For: 192.0.2.1\r\n"));
  CHECK(has(request.written(false), "X-Request-Id: new-id\r\n"));
}

TEST_CASE("a valid traceparent is continued in its trace, an invalid one is replaced") {
  Request good;
  good.head.fields.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  const std::string continued = good.written();
  CHECK(has(continued, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
  CHECK_FALSE(has(continued, "b7ad6b7169203331"));
  Request bad;
  bad.head.fields.add("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01");
  CHECK_FALSE(has(bad.written(), "00-00000000000000000000000000000000"));
}

TEST_CASE("a traceparent of a higher version is continued as version 00, with the flag that this one knows") {
  const std::string ids = "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";
  const auto flags = [&](const std::string& given) {
    Request request;
    request.head.fields.add("traceparent", given);
    const std::string out = request.written();
    const size_t at = out.find("traceparent: 00" + ids.substr(0, 34));
    return at == std::string::npos ? "begun" : out.substr(at + 13 + 53, 4);
  };
  CHECK(flags("00" + ids + "01") == "01\r\n");
  CHECK(flags("00" + ids + "00") == "00\r\n");
  CHECK(flags("cc" + ids + "03") == "01\r\n");
  CHECK(flags("01" + ids + "fe") == "00\r\n");
  CHECK(flags("01" + ids + "01-what-comes-later") == "01\r\n");
  for (const std::string& invalid :
       {"ff" + ids + "01", "00" + ids + "01-more", "01" + ids + "01more", "01" + ids + "0", "0G" + ids + "01",
        "CC" + ids + "01", "00" + ids + "0G", "01" + ids + "01" + std::string(1, '.')}) {
    CAPTURE(invalid);
    CHECK(flags(invalid) == "begun");
  }
}

TEST_CASE("tracestate goes on with the trace that it belongs to, and ends where a new one begins") {
  for (const char* parent : {"", "nonsense", "00-00000000000000000000000000000000-b7ad6b7169203331-01"}) {
    Request request;
    if (*parent != '\0') request.head.fields.add("traceparent", parent);
    request.head.fields.add("Tracestate", "vendor=1");
    request.head.fields.add("tracestate", "other=2");
    CHECK_FALSE(has(request.written(true), "racestate"));
  }
  Request going_on;
  going_on.head.fields.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  going_on.head.fields.add("tracestate", "vendor=1");
  going_on.head.fields.add("tracestate", "other=2");
  const std::string out = going_on.written();
  CHECK(has(out, "tracestate: vendor=1\r\ntracestate: other=2\r\n"));
  going_on.head.fields.add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  CHECK_FALSE(has(going_on.written(), "tracestate"));  // two parents are none
}

TEST_CASE("a request without a body has no framing but for POST") {
  Request request;
  request.head.method = "GET";
  request.head.framing = http::Framing::none;
  request.head.content_length = 0;
  const std::string get = request.written();
  CHECK(get.starts_with("GET /a?b=c HTTP/1.1\r\n"));
  CHECK_FALSE(has(get, "Content-Length"));
  request.head.method = "POST";
  CHECK(has(request.written(), "Content-Length: 0\r\n"));
}

TEST_CASE("a response loses its hop-by-hop fields and its framing, which the server writes anew") {
  http::ResponseHead head;
  head.status = 200;
  head.reason = "Fine";
  head.fields.add("Content-Type", "image/png");
  head.fields.add("Connection", "keep-alive");
  head.fields.add("Keep-Alive", "timeout=5");
  head.fields.add("Transfer-Encoding", "chunked");
  std::string out;
  write_response_head(out, head, "id-1");
  CHECK(out == "HTTP/1.1 200 Fine\r\nContent-Type: image/png\r\nVia: 1.1 tidegate\r\nX-Request-Id: id-1\r\n");
}

TEST_CASE("Via has the version in which the message was received") {
  Request request;
  request.head.version_minor = 0;
  CHECK(has(request.written(), "Via: 1.0 tidegate\r\n"));
  http::ResponseHead head;
  head.status = 200;
  head.version_minor = 0;
  std::string out;
  write_response_head(out, head, "id-1");
  CHECK(has(out, "Via: 1.0 tidegate\r\n"));
}

TEST_CASE("a job keeps what would be forwarded, without the dropped headers, and is sent with a length") {
  Request request;
  request.head.fields.add("Authorization", "Bearer secret");
  request.head.fields.add("Idempotency-Key", "k1");
  Random random(1);
  const RequestContext context = make_context(request.head, *IpAddress::parse("192.0.2.1"), false, "id", random);
  const jobs::FieldList fields = job_fields(request.head, context, "X-Request-Timeout-Ms", {"authorization", "cookie"});
  std::string out;
  write_job_head(out, "POST", "/a?b=c", fields, "up:1", 5, "X-Request-Timeout-Ms", 60000);
  CHECK(out.starts_with("POST /a?b=c HTTP/1.1\r\n"));
  CHECK(has(out, "Host: service.test\r\n"));
  CHECK(has(out, "Idempotency-Key: k1\r\n"));
  CHECK(has(out, "Content-Length: 5\r\n"));
  CHECK_FALSE(has(out, "secret"));
}

TEST_CASE("the protocol that a request may switch to goes on, in a field of its own; other fields of the hop do not") {
  Request request;
  request.head.fields.add("Connection", "keep-alive, Upgrade, X-Secret");
  request.head.fields.add("Upgrade", "h2c");
  request.head.fields.add("X-Secret", "hop");
  request.head.fields.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  CHECK_FALSE(has(request.written(), "pgrade"));
  request.upgrade = "websocket";
  const std::string written = request.written();
  CHECK(has(written, "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"));
  CHECK(has(written, "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  for (const char* gone : {"h2c", "X-Secret", "keep-alive"}) CHECK_FALSE(has(written, gone));
}

TEST_CASE("a 101 goes to the client with its end-to-end fields, byte for byte") {
  http::ResponseHead head;
  head.status = 101;
  head.reason = "Switching Protocols";
  head.fields.add("Connection", "Upgrade, X-Hop");
  head.fields.add("upgrade", "WebSocket");
  head.fields.add("X-Hop", "1");
  head.fields.add("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  std::string out;
  write_switch_head(out, head, "websocket", "an-id");
  CHECK(out ==
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        "Via: 1.1 tidegate\r\nX-Request-Id: an-id\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
}

}  // namespace tidegate::core
