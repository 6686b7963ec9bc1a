#include "http/client/fetch.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "http/server/server.h"
#include "unit/http/test_service.h"
#include "unit/http/worlds.h"

using namespace tidegate;
using namespace tidegate::test;

#define TEST_IN_WORLDS(name) TEST_CASE_TEMPLATE(name, World, SimWorld, UvWorld)

namespace {

template <typename World>
struct Setup {
  Setup() : server(world.runtime(), http::ServerLimits{}, service) { REQUIRE(server.listen(any_port()).ok()); }

  http::FetchRequest request(std::string target) {
    http::FetchRequest made;
    made.host = server.address().to_string();
    made.target = std::move(target);
    return made;
  }

  Result<http::FetchResponse> fetch(http::FetchRequest made) {
    std::optional<Result<http::FetchResponse>> result;
    const auto operation = http::fetch(world.runtime(), std::move(made), [&](auto r) { result.emplace(std::move(r)); });
    CHECK_FALSE(result.has_value());
    REQUIRE(world.run_until([&] { return result.has_value(); }));
    return std::move(*result);
  }

  World world;
  TestService service;
  http::Server server;
};

}  // namespace

TEST_IN_WORLDS("a fetch brings status, fields and body") {
  Setup<World> setup;
  auto request = setup.request("/echo");
  request.method = "POST";
  request.body = std::string(1 << 20, 'y');
  const auto result = setup.fetch(request);
  REQUIRE(result.ok());
  CHECK(result.value().status == 200);
  CHECK(result.value().field("content-TYPE") == "text/plain");
  CHECK(result.value().field("absent").empty());
  CHECK(result.value().body == request.body);
}

TEST_IN_WORLDS("a fetch reads chunks") {
  Setup<World> setup;
  const auto result = setup.fetch(setup.request("/chunks"));
  REQUIRE(result.ok());
  CHECK(result.value().body == "one,two,three");
}

TEST_IN_WORLDS("an aborted answer is seen as broken, not as short") {
  Setup<World> setup;
  const auto result = setup.fetch(setup.request("/half"));
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::reset);
}

TEST_IN_WORLDS("an answer larger than asked for is an error") {
  Setup<World> setup;
  setup.service.big_bytes = 1 << 20;
  auto request = setup.request("/big");
  request.body_bytes_max = 1000;
  auto chunks = setup.request("/chunks");
  chunks.body_bytes_max = 10;
  CHECK(setup.fetch(request).error().code == ErrorCode::exhausted);
  CHECK(setup.fetch(chunks).error().code == ErrorCode::exhausted);
}

TEST_IN_WORLDS("a fetch from nobody is refused") {
  Setup<World> setup;
  auto request = setup.request("/now");
  {
    http::Server gone(setup.world.runtime(), http::ServerLimits{}, setup.service);
    REQUIRE(gone.listen(any_port()).ok());
    request.host = gone.address().to_string();
  }
  CHECK(setup.fetch(request).error().code == ErrorCode::refused);
}

TEST_IN_WORLDS("a fetch that would write a broken head is refused before it is sent") {
  Setup<World> setup;
  auto request = setup.request("/now");
  request.fields = {{"X-A", "a\r\nX-B: b"}};
  CHECK(setup.fetch(request).error().code == ErrorCode::invalid);
  request.fields.clear();
  request.target = "/a b";
  CHECK(setup.fetch(request).error().code == ErrorCode::invalid);
  CHECK(setup.service.log.empty());
}

TEST_CASE("a fetch has one limit for all of its time") {
  Setup<SimWorld> setup;
  auto request = setup.request("/wait");
  request.timeout = 3s;
  const Time begun = setup.world.loop.now();
  CHECK(setup.fetch(request).error().code == ErrorCode::timeout);
  CHECK(setup.world.loop.now() - begun == 3s);
  CHECK(setup.world.run_until([&] { return setup.service.has("gone"); }));
}

TEST_CASE("a fetch finds names, and says so when it does not") {
  Setup<SimWorld> setup;
  setup.world.loop.add_name("tide.test", {setup.server.address().ip});
  auto request = setup.request("/now");
  request.host = "tide.test:" + std::to_string(setup.server.address().port);
  CHECK(setup.fetch(request).ok());
  request.host = "nowhere.test:80";
  CHECK(setup.fetch(request).error().code == ErrorCode::not_found);
}

TEST_IN_WORLDS("a fetch that is destroyed is silent and closes its connection") {
  Setup<World> setup;
  bool called = false;
  auto operation = http::fetch(setup.world.runtime(), setup.request("/wait"), [&](auto) { called = true; });
  REQUIRE(setup.world.run_until([&] { return !setup.service.waiting.empty(); }));
  operation.reset();
  REQUIRE(setup.world.run_until([&] { return setup.service.has("gone"); }));
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
