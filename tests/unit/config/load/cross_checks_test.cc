// Mistakes across sections.
#include <doctest/doctest.h>

#include "config/load/route_cover.h"
#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

// A file with these routes, one per line from line 5 on.
std::string with_routes(const std::vector<std::string>& routes, const std::string& listener = "") {
  std::string yaml =
      "upstreams: {u: {endpoints: ['http://h']}}\nqueues: {jobs: {url: 'sqlite:///q', max_bytes: 1MiB}}\nlisteners:\n  "
      "- {name: l, address: 127.0.0.1:8081, " +
      listener + "routes: [\n";
  for (const std::string& route : routes) yaml += "    {" + route + "},\n";
  return yaml + "  ]}\n";
}

Match match(const std::string& path, std::vector<std::string> methods = {}, std::string host = "") {
  const bool prefix = path.ends_with('*');
  return {std::move(methods), std::move(host), path.substr(0, path.size() - (prefix ? 1 : 0)), prefix};
}

}  // namespace

TEST_CASE("each required key that is missing is an error at its section") {
  CHECK(errors_of("workers: 1\n") ==
        "t.yaml:1:1: upstreams: required key is missing\nt.yaml:1:1: listeners: required key is missing");
  CHECK(errors_of("upstreams:\nlisteners:\n") ==
        "t.yaml:1:1: upstreams: required key is missing\nt.yaml:2:1: listeners: required key is missing");
  CHECK(errors_of("upstreams: {u: }\nlisteners:\n  - {}\n  - routes: [{}]\n") ==
        "t.yaml:1:13: upstreams.u.endpoints: required key is missing\nt.yaml:3:5: listeners[0].name: required key is "
        "missing\nt.yaml:3:5: listeners[0].address: required key is missing\nt.yaml:3:5: listeners[0].routes: required "
        "key is missing\nt.yaml:4:5: listeners[1].name: required key is missing\nt.yaml:4:5: listeners[1].address: "
        "required key is missing\nt.yaml:4:14: listeners[1].routes[0].name: required key is missing\nt.yaml:4:14: "
        "listeners[1].routes[0].match: required key is missing\nt.yaml:4:14: listeners[1].routes[0].upstream: required "
        "key is missing");
  CHECK(errors_of("upstreams: {}\nlisteners: []\n") == "t.yaml:2:12: listeners: at least one listener is required");
  CHECK(errors_of(with_routes({})) == "t.yaml:4:48: listeners[0].routes: at least one route is required");
}

TEST_CASE("referenced upstreams and queues must exist") {
  CHECK(errors_of(with_routes({"name: r, match: {path: /}, upstream: uu"})) ==
        "t.yaml:5:43: listeners[0].routes[0].upstream: unknown upstream `uu`; did you mean `u`?");
  CHECK(errors_of(with_routes({"name: r, match: {path: /}, upstream: ''"})) ==
        "t.yaml:5:43: listeners[0].routes[0].upstream: is empty; write a name");
  CHECK(errors_of(with_routes({"name: r, match: {path: /}, upstream: u, fallback: {enqueue: {queue: ''}}"})) ==
        "t.yaml:5:74: listeners[0].routes[0].fallback.enqueue.queue: is empty; write a name");
  CHECK(errors_of(with_routes({"name: r, match: {path: /}, upstream: u, fallback: {enqueue: {queue: job}}"})) ==
        "t.yaml:5:74: listeners[0].routes[0].fallback.enqueue.queue: unknown queue `job`; did you mean `jobs`?");
  CHECK(errors_of(with_routes({"name: r, match: {path: /}, upstream: u, fallback: {enqueue: {queue: zzzzz}}"})) ==
        "t.yaml:5:74: listeners[0].routes[0].fallback.enqueue.queue: unknown queue `zzzzz`; one of: jobs");
  CHECK(errors_of(with(In::route, "fallback: {enqueue: {queue: q}}")) ==
        "t.yaml:11:37: listeners[0].routes[0].fallback.enqueue.queue: unknown queue `q`");
}

TEST_CASE("a max_body larger than max_bytes of the queue is an error") {
  CHECK(errors_of(with_routes(
            {"name: r, match: {path: /}, upstream: u, fallback: {enqueue: {queue: jobs, max_body: 2MiB}}"})) ==
        "t.yaml:5:90: listeners[0].routes[0].fallback.enqueue.max_body: 2MiB is larger than max_bytes of the queue "
        "(1MiB)");
}

TEST_CASE("a max_body larger than the queue's store takes is an error, unless the job only refers to its body") {
  const auto told = [](const std::string& url, const std::string& max_body, const std::string& more = "") {
    return errors_of(
        "upstreams: {u: {endpoints: ['http://h']}}\nqueues: {q: {url: '" + url +
        "', max_bytes: 10GiB}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [{name: r, upstream: u, "
        "match: {path: /},\nfallback: {enqueue: {queue: q, max_body: " +
        max_body + more + "}}}]}]\n");
  };
  const std::string at = "t.yaml:4:42: listeners[0].routes[0].fallback.enqueue.max_body: ";
  CHECK(told("sqlite:///q.db", "10GiB") == "");
  CHECK(told("redis://h", "2000000000B") == "");
  CHECK(told("redis://h", "2GiB") ==
        at + "2GiB is larger than the largest body that queues.q.url can store (1953125KiB)");
  CHECK(told("amqp://h', results: {url: 'sqlite:///r.db'}, spool: '/s.db", "512MiB") == "");
  CHECK(told("amqp://h', results: {url: 'sqlite:///r.db'}, spool: '/s.db", "513MiB") ==
        at + "513MiB is larger than the largest body that queues.q.url can store (512MiB)");
  CHECK(told("redis://h", "2GiB", ", body: reference, reference_hosts: [h]") == "");
}

TEST_CASE("names, addresses and files are unique") {
  const std::string rest = "routes: [{name: r2, match: {path: /}, upstream: u}]}\n";
  const std::string one = with_routes({"name: r, match: {path: /}, upstream: u"});
  CHECK(errors_of(one + "  - {name: l, address: 127.0.0.1:8082, " + rest) ==
        "t.yaml:7:12: listeners[1].name: duplicate listener name l; first used by listeners[0].name");
  CHECK(errors_of(one + "  - {name: l2, address: 127.0.0.1:8081, " + rest) ==
        "t.yaml:7:25: listeners[1].address: duplicate address 127.0.0.1:8081; first used by listeners[0].address");
  CHECK(errors_of(one + "  - {name: l2, address: 127.0.0.1:9901, " + rest) ==
        "t.yaml:7:25: listeners[1].address: duplicate address 127.0.0.1:9901; first used by admin.address");
  CHECK(errors_of(one + "  - {name: l2, address: '127.0.0.1:0', " + rest +
                  "  - {name: l3, address: '127.0.0.1:0', routes: [{name: r3, match: {path: /}, upstream: u}]}\n") ==
        "");
  CHECK(errors_of(one +
                  "  - {name: l2, address: 127.0.0.1:8082, routes: [{name: r, match: {path: /}, upstream: u}]}\n") ==
        "t.yaml:7:57: listeners[1].routes[0].name: duplicate route name r; first used by listeners[0].routes[0].name");
  CHECK(
      errors_of(with(In::top, "queues:\n  a: {url: 'sqlite:///x/jobs.db'}\n  b: {url: 'sqlite:///x//y/../jobs.db'}")) ==
      "t.yaml:3:12: queues.b.url: duplicate file /x/jobs.db; first used by queues.a.url");
}

TEST_CASE("a route's own breaker must not share its name with the breaker of an upstream") {
  CHECK(errors_of("upstreams: {r: {endpoints: ['http://h'], breaker: {}}}\nlisteners: [{name: l, address: "
                  "127.0.0.1:1,\nroutes: [{name: r, breaker: {}, bulkhead: {}, match: {path: /}, upstream: r}]}]\n") ==
        "t.yaml:3:17: listeners[0].routes[0].name: the route's own breaker would have the name of the breaker of "
        "upstream r; rename the route");
}

TEST_CASE("an unreachable route is an error that names the route that shadows it") {
  CHECK(errors_of(with_routes({"name: a, match: {path: /x*}, upstream: u",
                               "name: b, match: {path: /xy, methods: [GET]}, upstream: u",
                               "name: c, match: {path: /y}, upstream: u"})) ==
        "t.yaml:6:29: listeners[0].routes[1].match.path: unreachable: shadowed by route `a` (routes[0])");
  CHECK(errors_of(with_routes(
            {"name: a, match: {path: /_jobs/x}, upstream: u, fallback: {enqueue: {queue: jobs, max_body: 1KiB}}"})) ==
        "t.yaml:5:29: listeners[0].routes[0].match.path: unreachable: requests under jobs_path (/_jobs/) are for the "
        "jobs interface");
  CHECK(errors_of(with_routes({"name: a, match: {path: /_jobs/x}, upstream: u"})) == "");
}

TEST_CASE("a match covers another if it matches all its requests") {
  struct Row {
    Match wide, narrow;
    bool covers;
  };
  for (const Row& row : std::vector<Row>{{match("/a"), match("/a"), true},
                                         {match("/a"), match("/a*"), false},
                                         {match("/a*"), match("/a"), true},
                                         {match("/a*"), match("/ab/c*"), true},
                                         {match("/ab*"), match("/a*"), false},
                                         {match("/a", {"GET"}), match("/a"), false},
                                         {match("/a"), match("/a", {"GET"}), true},
                                         {match("/a"), match("/a", {"GET", "TRACE"}), false},
                                         {match("/a", {"TRACE"}), match("/a", {"TRACE"}), true},
                                         {match("/a", {"GET", "PUT"}), match("/a", {"PUT"}), true},
                                         {match("/a", {"GET"}), match("/a", {"GET", "PUT"}), false},
                                         {match("/a", {}, "h"), match("/a"), false},
                                         {match("/a"), match("/a", {}, "h"), true},
                                         {match("/a", {}, "h"), match("/a", {}, "h"), true},
                                         {match("/a", {}, "h"), match("/a", {}, "i"), false},
                                         {match("*"), match("/a"), false}}) {
    CAPTURE(row.wide.path);
    CAPTURE(row.narrow.path);
    CHECK(covers(row.wide, row.narrow) == row.covers);
  }
}

TEST_CASE("all errors of a file are reported, in file order") {
  CHECK(errors_of("workers: 0\nlisteners:\n  - name: l\n    address: 127.0.0.1:8081\n    routes:\n      - {name: r, "
                  "match: {path: x}, upstream: gone}\n      - 5\nupstreams: {u: {endpoints: ['ftp://h'], breaker: "
                  "{window: 5}}}\nlog: {levl: info}\n") ==
        "t.yaml:1:10: workers: must be 1 to 1024, not 0\nt.yaml:6:33: listeners[0].routes[0].match.path: `x` is not a "
        "path such as `/optimize` or `/images/*`: it must begin with / and contain no space, ? or #\nt.yaml:6:47: "
        "listeners[0].routes[0].upstream: unknown upstream `gone`; one of: u\nt.yaml:7:9: listeners[0].routes[1]: "
        "expected a section, not a value\nt.yaml:8:29: upstreams.u.endpoints[0]: `ftp://h` is not an endpoint such as "
        "`http://127.0.0.1:3001`\nt.yaml:8:59: upstreams.u.breaker.window: `5` has no unit; write `5s`\nt.yaml:9:7: "
        "log.levl: unknown key; did you mean `level`?");
}
