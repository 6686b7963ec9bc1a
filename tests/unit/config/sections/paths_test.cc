// The paths of routes and of the jobs interface: what no request can have is an error.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("a path with what the guard refuses in requests is an error that says how it is meant") {
  const auto told = [](const std::string& match) {
    return errors_of(
        "upstreams: {u: {endpoints: ['http://h']}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, "
        "upstream: u,\nmatch: {" +
        match + "}}]}]\n");
  };
  const std::string never = "t.yaml:3:15: listeners[0].routes[0].match.path: ";
  CHECK(told("path: '/a/{id}'") == never + "`/a/{id}` has a {: paths have no named parts; did you mean `/a/*`?");
  CHECK(told("path: '/a\"b'") ==
        never + "`/a\"b` matches no request: a path cannot contain \"; clients send it as `%22`");
  CHECK(told("path: '/a\\b'") ==
        never + "`/a\\b` matches no request: a path cannot contain \\; clients send it as `%5C`");
  CHECK(told("path: /a%zz") == never +
                                   "`/a%zz` matches no request: a % is followed by two hexadecimal digits; clients "
                                   "send % itself as `%25`");
  CHECK(told("path: /a%2*") == never +
                                   "`/a%2*` matches no request: a % is followed by two hexadecimal digits; clients "
                                   "send % itself as `%25`");
  CHECK(told("path: /a%00") == never + "`/a%00` matches no request: %00 is refused in a path");
  CHECK(told("path: '/a|b^[c]'") == "");
}

TEST_CASE("the keys about paths take words, and a jobs_path is a path") {
  check_all({
      {In::listener, "jobs_path: '/{jobs}/'",
       "t.yaml:7:16: listeners[0].jobs_path: `/{jobs}/` matches no request: a path cannot contain {; clients "
       "send it as `%7B`"},
      {In::listener, "path_normalization: on",
       "t.yaml:7:25: listeners[0].path_normalization: unknown value `on`; one of: normalize, reject, off"},
      {In::listener, "encoded_slashes: decode",
       "t.yaml:7:22: listeners[0].encoded_slashes: unknown value `decode`; one of: keep, reject"},
  });
}

TEST_CASE("a route whose path no request can have is an error") {
  const auto told = [](const std::string& rules, const std::string& path) {
    const std::string error =
        errors_of("upstreams: {u: {endpoints: ['http://h']}}\nlisteners: [{name: l, address: 127.0.0.1:1," + rules +
                  " routes: [{name: r, upstream: u,\nmatch: {path: " + path + "}}]}]\n");
    const std::string place = "t.yaml:3:15: listeners[0].routes[0].match.path: ";
    return error.starts_with(place) ? error.substr(place.size()) : error;
  };
  const auto hint = [](const std::string& path, const std::string& rule, const std::string& normal) {
    return "`" + path + "` matches no request: path_normalization is `" + rule + "`; did you mean `" + normal + "`?";
  };
  CHECK(told("", "/a//b") == hint("/a//b", "normalize", "/a/b"));
  CHECK(told("", "/./a") == hint("/./a", "normalize", "/a"));
  CHECK(told("", "/%61") == hint("/%61", "normalize", "/a"));
  CHECK(told("", "/%c3%a4") == hint("/%c3%a4", "normalize", "/%C3%A4"));
  CHECK(told("", "/a/../b/*") == hint("/a/../b/*", "normalize", "/b/*"));
  CHECK(told("", "/a//*") == hint("/a//*", "normalize", "/a/*"));
  CHECK(told(" path_normalization: reject,", "/a/.") == hint("/a/.", "reject", "/a/"));
  for (const char* possible : {"/a/.*", "/a/..*", "/a/*", "/%C3%A4", "/a%2Fb", "/.well-known/*"}) {
    CHECK(told("", possible) == "");
  }
  for (const char* raw : {"/a//b", "/./a", "/%61"}) CHECK(told(" path_normalization: off,", raw) == "");
  CHECK(told(" encoded_slashes: reject,", "/a%2Fb") == "`/a%2Fb` matches no request: encoded_slashes is `reject`");
  CHECK(told(" encoded_slashes: reject,", "/a%5C*") == "`/a%5C*` matches no request: encoded_slashes is `reject`");
}

TEST_CASE("a jobs_path that no request can have is an error where jobs are served") {
  const std::string queue = "queues: {q: {url: 'sqlite:///tmp/q.db'}}\n";
  const std::string rest =
      "upstreams: {u: {endpoints: ['http://h']}}\nlisteners:\n  - {name: l, address: 127.0.0.1:1, ";
  const std::string enqueues = "routes: [{name: r, upstream: u, match: {path: /}, fallback: {enqueue: {queue: q}}}]}\n";
  CHECK(
      errors_of(queue + rest + "jobs_path: /a//jobs/, " + enqueues) ==
      "t.yaml:4:48: listeners[0].jobs_path: `/a//jobs/` matches no request: path_normalization is `normalize`; did you "
      "mean `/a/jobs/`?");
  CHECK(errors_of(queue + rest + "jobs_path: /a//jobs/, path_normalization: off, " + enqueues) == "");
}
