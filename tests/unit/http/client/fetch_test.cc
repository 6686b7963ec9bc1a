#include "http/client/fetch.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "http/server/server.h"
#include "unit/http/server/test_service.h"
#include "unit/net/both_runtimes.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

template <typename Loop>
struct Fixture {
  Fixture() : server(loop.runtime(), http::ServerLimits{}, service) { REQUIRE(server.listen(any_port()).ok()); }

  http::FetchRequest request(std::string target) {
    http::FetchRequest made;
    made.host = server.address().to_string();
    made.target = std::move(target);
    return made;
  }

  Result<http::FetchResponse> fetch(http::FetchRequest made) {
    std::optional<Result<http::FetchResponse>> result;
    const auto operation = http::fetch(loop.runtime(), std::move(made), [&](auto r) { result.emplace(std::move(r)); });
    CHECK_FALSE(result.has_value());
    REQUIRE(loop.run_until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  Loop loop;
  TestService service;
  http::Server server;
};

}  // namespace

TEST_ON_BOTH_RUNTIMES("a fetch brings status, fields and body") {
  Fixture<Loop> fixture;
  auto request = fixture.request("/echo");
  request.method = "POST";
  request.body = std::string(1 << 20, 'y');
  const auto result = fixture.fetch(request);
  REQUIRE(result.ok());
  CHECK(result.value().status == 200);
  CHECK(result.value().field("content-TYPE") == "text/plain");
  CHECK(result.value().field("absent").empty());
  CHECK(result.value().body == request.body);
}

TEST_ON_BOTH_RUNTIMES(
    "a fetch connects by its own connect where it has one, and its timeout counts from the beginning") {
  Fixture<Loop> fixture;
  auto request = fixture.request("/echo");
  request.host = "nobody.test:1";
  request.connect = [&](net::ConnectCallback done) {
    return fixture.loop.runtime().connect(fixture.server.address(), std::move(done));
  };
  CHECK(fixture.fetch(request).ok());
  request.connect = [](net::ConnectCallback) { return std::make_unique<net::Operation>(); };  // never
  request.timeout = 20ms;
  const auto result = fixture.fetch(request);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::timeout);
}

TEST_ON_BOTH_RUNTIMES("a fetch reads chunks") {
  Fixture<Loop> fixture;
  const auto result = fixture.fetch(fixture.request("/chunks"));
  REQUIRE(result.ok());
  CHECK(result.value().body == "one,two,three");
}

TEST_ON_BOTH_RUNTIMES("an aborted response is seen as broken, not as short") {
  Fixture<Loop> fixture;
  const auto result = fixture.fetch(fixture.request("/half"));
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::reset);
}

TEST_ON_BOTH_RUNTIMES("a response larger than asked for is an error") {
  Fixture<Loop> fixture;
  fixture.service.big_bytes = 1 << 20;
  auto request = fixture.request("/big");
  request.body_bytes_max = 1000;
  auto chunks = fixture.request("/chunks");
  chunks.body_bytes_max = 10;
  CHECK(fixture.fetch(request).error().code == ErrorCode::exhausted);
  CHECK(fixture.fetch(chunks).error().code == ErrorCode::exhausted);
}

TEST_ON_BOTH_RUNTIMES("a fetch without a listener is refused") {
  Fixture<Loop> fixture;
  auto request = fixture.request("/now");
  {
    http::Server gone(fixture.loop.runtime(), http::ServerLimits{}, fixture.service);
    REQUIRE(gone.listen(any_port()).ok());
    request.host = gone.address().to_string();
  }
  CHECK(fixture.fetch(request).error().code == ErrorCode::refused);
}

namespace {

// Responds to the first bytes of a request and closes, with the rest unread.
class Refuser final : private net::StreamUser {
 public:
  explicit Refuser(net::Runtime& runtime) {
    auto listening = runtime.listen(any_port(), [this](std::unique_ptr<net::Stream> accepted) {
      stream_ = std::move(accepted);
      stream_->set_user(this);
      stream_->start_reading();
    });
    REQUIRE(listening.ok());
    listener_ = std::move(*listening);
  }
  SocketAddress address() const { return listener_->address(); }

 private:
  void on_read(std::string_view) override {
    stream_->write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    stream_.reset();
  }
  void on_read_end() override {}
  void on_stream_error(const Error&) override {}
  void on_write_drained() override {}

  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Stream> stream_;
};

}  // namespace

TEST_ON_BOTH_RUNTIMES("a fetch that is refused before its body is written brings the refusal") {
  Fixture<Loop> fixture;
  Refuser refuser(fixture.loop.runtime());
  auto request = fixture.request("/upload");
  request.host = refuser.address().to_string();
  request.method = "POST";
  request.body = std::string(8'000'000, 'y');
  const auto result = fixture.fetch(request);
  REQUIRE(result.ok());
  CHECK(result.value().status == 413);
  CHECK(result.value().body == "no");
}

TEST_ON_BOTH_RUNTIMES("a fetch that would write a broken head is refused before it is sent") {
  Fixture<Loop> fixture;
  auto request = fixture.request("/now");
  request.fields = {{"X-A", "a\r\nX-B: b"}};
  CHECK(fixture.fetch(request).error().code == ErrorCode::invalid);
  request.fields.clear();
  request.target = "/a b";
  CHECK(fixture.fetch(request).error().code == ErrorCode::invalid);
  CHECK(fixture.service.log.empty());
}

TEST_CASE("a fetch has one limit for all of its time") {
  Fixture<SimLoop> fixture;
  auto request = fixture.request("/wait");
  request.timeout = 3s;
  const Time begun = fixture.loop.impl.now();
  CHECK(fixture.fetch(request).error().code == ErrorCode::timeout);
  CHECK(fixture.loop.impl.now() - begun == 3s);
  CHECK(fixture.loop.run_until([&] { return fixture.service.has("gone"); }));
}

TEST_CASE("a fetch finds names, and says so when it does not") {
  Fixture<SimLoop> fixture;
  fixture.loop.impl.add_name("tide.test", {fixture.server.address().ip});
  auto request = fixture.request("/now");
  request.host = "tide.test:" + std::to_string(fixture.server.address().port);
  CHECK(fixture.fetch(request).ok());
  request.host = "nowhere.test:80";
  CHECK(fixture.fetch(request).error().code == ErrorCode::not_found);
}

TEST_CASE("a fetch that this process has no local port for says so, unless another address refused it") {
  Fixture<SimLoop> fixture;
  fixture.loop.impl.add_name("two.test", {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")});
  net::SimLink link;
  link.used_up = ErrorCode::conflict;
  fixture.loop.impl.set_link(*SocketAddress::parse("10.0.0.1:80"), link);
  auto request = fixture.request("/now");
  request.host = "two.test:80";
  const auto refused = fixture.fetch(request);
  CHECK(refused.error().code == ErrorCode::refused);
  CHECK(refused.error().message ==
        "fetch two.test:80: connect 10.0.0.1:80: used up; connect 10.0.0.2:80: connection refused");
  fixture.loop.impl.set_link(*SocketAddress::parse("10.0.0.2:80"), link);
  CHECK(fixture.fetch(request).error().code == ErrorCode::conflict);
}

TEST_CASE("a fetch tells when it is connected, and whether its time ended before or after that") {
  Fixture<SimLoop> fixture;
  bool connected = false;
  auto request = fixture.request("/wait");
  request.timeout = 3s;
  request.on_connected = [&] { connected = true; };
  CHECK(fixture.fetch(request).error().message.ends_with("no complete response in time"));
  CHECK(connected);
  connected = false;
  net::SimLink link;
  link.blackhole = 1;
  fixture.loop.impl.set_link(fixture.server.address(), link);
  CHECK(fixture.fetch(request).error().message.ends_with(": no response in time"));
  CHECK(!connected);
}

TEST_ON_BOTH_RUNTIMES("a fetch that is destroyed is silent and closes its connection") {
  Fixture<Loop> fixture;
  bool called = false;
  auto operation = http::fetch(fixture.loop.runtime(), fixture.request("/wait"), [&](auto) { called = true; });
  REQUIRE(fixture.loop.run_until([&] { return !fixture.service.waiting.empty(); }));
  operation.reset();
  REQUIRE(fixture.loop.run_until([&] { return fixture.service.has("gone"); }));
  CHECK_FALSE(called);
}

TEST_CASE("URLs of http are split, others refused") {
  const auto url = http::parse_http_url("http://a.test:81/x?y=1");
  REQUIRE(url.ok());
  CHECK(url.value().host == "a.test:81");
  CHECK(url.value().target == "/x?y=1");
  CHECK(http::parse_http_url("http://a.test").value().target == "/");
  CHECK(http::parse_http_url("http://[::1]:80").value().host == "[::1]:80");
  for (const char* bad : {"https://a.test/", "a.test", "http://", "http://u@a/", "http://a/ b", "http://a/#f", ""}) {
    CAPTURE(bad);
    CHECK_FALSE(http::parse_http_url(bad).ok());
  }
}
