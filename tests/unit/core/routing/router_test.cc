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
  CHECK(matched("GET", "[::1]:80", "/other") == "none");
}

TEST_CASE("a path that matches only with another method says which methods are allowed") {
  CHECK(matched("GET", "any", "/optimize") == "allow POST");
  CHECK(matched("DELETE", "any", "/status/x") == "allow GET, HEAD");
  CHECK(matched("DELETE", "example.test", "/status/x") == "host");
}

}  // namespace tidegate::core
