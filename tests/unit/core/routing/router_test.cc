#include "core/routing/router.h"

#include <doctest/doctest.h>

namespace tidegate::core {

namespace {

config::Route route(std::string name, std::vector<std::string> methods, std::string host, std::string path,
                    bool prefix) {
  config::Route result;
  result.name = std::move(name);
  result.match = {std::move(methods), std::move(host), std::move(path), prefix};
  return result;
}

config::Listener listener() {
  config::Listener result;
  result.routes = {route("optimize", {"POST"}, "", "/optimize", false),
                   route("status", {"GET", "HEAD"}, "", "/status/", true),
                   route("host", {}, "example.test", "/", true)};
  return result;
}

std::string matched(std::string_view method, std::string_view authority, std::string_view path) {
  http::RequestHead head;
  head.method = method;
  head.authority = authority;
  head.path = path;
  const config::Listener in = listener();
  const RouteMatch match = match_route(in, head);
  if (const auto* index = std::get_if<size_t>(&match)) return in.routes[*index].name;
  if (const auto* wrong = std::get_if<WrongMethod>(&match)) return "allow " + wrong->allow;
  return "none";
}

}  // namespace

TEST_CASE("the first route that matches method, host and path is taken") {
  CHECK(matched("POST", "any", "/optimize") == "optimize");
  CHECK(matched("POST", "any", "/optimize/more") == "none");
  CHECK(matched("GET", "any", "/status/abc") == "status");
  CHECK(matched("GET", "any", "/status/") == "status");
  CHECK(matched("GET", "any", "/status") == "none");
  CHECK(matched("GET", "example.test", "/other") == "host");
  CHECK(matched("GET", "Example.TEST:8080", "/other") == "host");
  CHECK(matched("GET", "example.test.", "/other") == "host");
  CHECK(matched("GET", "example.test.:8080", "/other") == "host");
  CHECK(matched("GET", "[::1]:80", "/other") == "none");
}

TEST_CASE("a path that matches only with another method says which methods are allowed") {
  CHECK(matched("GET", "any", "/optimize") == "allow POST");
  CHECK(matched("DELETE", "any", "/status/x") == "allow GET, HEAD");
  CHECK(matched("DELETE", "example.test", "/status/x") == "host");
}

TEST_CASE("TRACE takes a route that lists it, and no other") {
  config::Listener in;
  in.routes = {route("any", {}, "", "/a", true), route("get", {"GET", "TRACE"}, "", "/a/b", false)};
  const auto traced = [&](std::string_view path) {
    http::RequestHead head;
    head.method = "TRACE";
    head.path = path;
    return match_route(in, head);
  };
  CHECK(std::get<size_t>(traced("/a/b")) == 1);
  CHECK(std::get<WrongMethod>(traced("/a")).allow == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  CHECK(std::holds_alternative<NoRoute>(traced("/b")));
}

TEST_CASE("a method that several routes allow is named once") {
  config::Listener in;
  in.routes = {route("one", {"GET", "HEAD"}, "", "/a", true), route("two", {"GET", "PUT"}, "", "/a", false)};
  http::RequestHead head;
  head.method = "POST";
  head.path = "/a";
  CHECK(std::get<WrongMethod>(match_route(in, head)).allow == "GET, HEAD, PUT");
}

}  // namespace tidegate::core
