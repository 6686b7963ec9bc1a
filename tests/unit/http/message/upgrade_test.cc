// Which requests ask for another protocol, and which responses give it.
#include "http/message/upgrade.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace tidegate::http {

namespace {

using Named = std::vector<std::pair<std::string_view, std::string_view>>;

const Named kAsks = {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}};

RequestHead request_of(const Named& fields) {
  RequestHead head;
  head.method = "GET";
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

ResponseHead response_of(const Named& fields) {
  ResponseHead head;
  head.status = 101;
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

}  // namespace

TEST_CASE("a request asks for one protocol, in one field that Connection names; anything else asks for none") {
  const struct {
    Named fields;
    std::string_view wanted;
  } cases[] = {
      {kAsks, "websocket"},
      {{{"connection", "keep-alive, upgrade"}, {"upgrade", "WebSocket"}}, "WebSocket"},
      {{{"Connection", "keep-alive"}, {"Connection", "Upgrade"}, {"Upgrade", "foo/2"}}, "foo/2"},
      {{{"Upgrade", "websocket"}}, ""},
      {{{"Connection", "upgraded"}, {"Upgrade", "websocket"}}, ""},
      {{{"Connection", "Upgrade"}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", ""}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket, h2c"}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket,"}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", "web socket"}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket/"}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Upgrade", "websocket"}}, ""},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Upgrade", "h2c"}}, ""},
  };
  for (const auto& c : cases) {
    CAPTURE(c.fields.back().second);
    CHECK(requested_upgrade(request_of(c.fields)) == c.wanted);
  }
}

TEST_CASE("a request with a body, of HTTP/1.0, with HEAD, or that closes asks for no protocol") {
  const std::pair<const char*, void (*)(RequestHead&)> cases[] = {
      {"counted body", [](RequestHead& head) { head.framing = Framing::content_length; }},
      {"chunked body", [](RequestHead& head) { head.framing = Framing::chunked; }},
      {"HTTP/1.0", [](RequestHead& head) { head.version_minor = 0; }},
      {"HEAD", [](RequestHead& head) { head.method = "HEAD"; }},
      {"Connection: close", [](RequestHead& head) { head.keep_alive = false; }},
  };
  for (const auto& [what, change] : cases) {
    CAPTURE(what);
    RequestHead head = request_of(kAsks);
    REQUIRE(requested_upgrade(head) == "websocket");
    change(head);
    CHECK(requested_upgrade(head) == "");
  }
}

TEST_CASE("a 101 switches to the protocol that was asked for, and to nothing else") {
  const struct {
    Named fields;
    bool switches;
  } cases[] = {
      {kAsks, true},
      {{{"Connection", "upgrade"}, {"Upgrade", "WebSocket"}}, true},
      {{{"Upgrade", "websocket"}}, false},
      {{{"Connection", "Upgrade"}}, false},
      {{{"Connection", "Upgrade"}, {"Upgrade", "h2c"}}, false},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket, h2c"}}, false},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Upgrade", "h2c"}}, false},
      {{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Transfer-Encoding", "chunked"}}, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.fields.back().second);
    CHECK(switches_to(response_of(c.fields), "websocket") == c.switches);
  }
  for (const int what : {0, 1, 2}) {
    CAPTURE(what);
    ResponseHead head = response_of(kAsks);
    if (what == 0) head.status = 200;
    if (what == 1) head.version_minor = 0;
    if (what == 2) head.content_length = 4;
    CHECK_FALSE(switches_to(head, "websocket"));
  }
}

TEST_CASE("protocols in which requests travel are known by their name, whatever their version") {
  for (const char* one :
       {"h2c", "H2C", "h2", "h3", "HTTP/2.0", "http2", "SPDY/3.1", "quic", "PTTH/1.0", "TLS/1.2", "tls"})
    CHECK(carries_requests(one));
  for (const char* one : {"websocket", "h2c-not", "foo/http", "htt"}) CHECK_FALSE(carries_requests(one));
}

}  // namespace tidegate::http
