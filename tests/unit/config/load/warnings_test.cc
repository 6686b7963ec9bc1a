// What is legal and has no effect.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

namespace {

// A file with one of each. `upstream` is on line 2, `queue` on line 3 (empty: there is none), `listener` on line 4,
// `match` and `route` on line 5.
struct File {
  std::string route;
  std::string upstream = "";
  std::string queue = "";
  std::string match = "";
  std::string listener = "";
  std::string log = "";
};

std::string yaml_of(const File& file) {
  return "log: {" + file.log + "}\nupstreams: {u: {endpoints: ['http://h'], " + file.upstream + "}}\n" +
         (file.queue.empty() ? "queues:" : "queues: {q: {url: 'sqlite:///q', " + file.queue + "}}") +
         "\nlisteners: [{name: l, address: 127.0.0.1:1, " + file.listener + " routes: [\n{name: r, match: {path: /, " +
         file.match + "}, upstream: u, " + file.route + "}\n]}]\n";
}

// The warnings, one per line.
std::string warnings_of(const std::string& yaml) {
  const auto result = load(yaml);
  CHECK(lines_of(result.errors) == "");
  return lines_of(result.warnings);
}

struct Row {
  File file;
  std::string warnings;
};

void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.file.route);
    CAPTURE(row.file.upstream);
    CHECK(warnings_of(yaml_of(row.file)) == row.warnings);
  }
}

const std::string kRoute = "listeners[0].routes[0].";
const std::string kEnqueue = "fallback: {enqueue: {queue: q}}";

}  // namespace

TEST_CASE("a folder of takeover.socket that is missing is a warning, and is not looked at where the socket is known") {
  const std::string yaml = with(In::top, "takeover: {socket: /no/such/folder/x}");
  CHECK(lines_of(load(yaml).warnings) ==
        "t.yaml:1:20: warning: takeover.socket: its folder /no/such/folder: No such file or directory");
  CHECK(lines_of(load_text(yaml, "t.yaml", environment_of({}), "/no/such/folder/x").warnings) == "");
  CHECK(lines_of(load_text(yaml, "t.yaml", environment_of({}), "/another").warnings) != "");
}

TEST_CASE("a place of takeover.socket that is refused is not looked at where the socket is known") {
  const std::string yaml = with(In::top, "takeover: {socket: /dev/null}");
  CHECK(load(yaml).config == nullptr);
  CHECK(load_text(yaml, "t.yaml", environment_of({}), "/dev/null").config != nullptr);
}

TEST_CASE("an upstream and a queue that no route uses are warnings") {
  CHECK(warnings_of("upstreams: {u: {endpoints: ['http://h']}, v: {endpoints: ['http://i']}}\nlisteners: [{name: l, "
                    "address: 127.0.0.1:1, routes: [{name: r, match: {path: /}, upstream: u}]}]\n") ==
        "t.yaml:1:43: warning: upstreams.v: no route uses this upstream");
  check_rows({{{"", "", "max_jobs: 1"},
               "t.yaml:3:10: warning: queues.q: no route enqueues here: only the jobs that it holds are run"},
              {{kEnqueue, "", "max_jobs: 1"}, ""}});
}

TEST_CASE("a retry that only an Idempotency-Key allows is a warning unless the file says that it is meant") {
  const std::string warning = "t.yaml:5:59: warning: " + kRoute +
                              "retry: POST is retried only with an Idempotency-Key; write `methods: any` if running it "
                              "twice does no harm, `methods: idempotent` if clients send the key";
  check_rows({{{"retry: {max_attempts: 3}", "", "", "methods: [POST]"}, warning},
              {{"retry: ", "", "", "methods: [POST]"},
               "t.yaml:5:59: warning: " + kRoute + warning.substr(warning.find("retry: POST"))},
              {{"retry: {methods: any}", "", "", "methods: [POST]"}, ""},
              {{"retry: {methods: idempotent}", "", "", "methods: [POST]"}, ""},
              {{"retry: {max_attempts: 3}", "", "", "methods: [POST, PUT]"}, ""},
              {{"retry: {max_attempts: 3}", "", "", ""}, ""},
              {{"", "", "", "methods: [POST]"}, ""}});
}

TEST_CASE("a back-off that outlasts the deadline is a warning") {
  const std::string text = "base: nothing is ever retried: the wait ends after timeout.total (2s)";
  check_rows({{{"timeout: {total: 2s}, retry: {backoff: {base: 2s, max: 9s, jitter: none}}"},
               "t.yaml:5:90: warning: " + kRoute + "retry.backoff." + text},
              {{"timeout: {total: 2s}, retry: {backoff: {base: 4s, max: 9s, jitter: equal}}"},
               "t.yaml:5:90: warning: " + kRoute + "retry.backoff." + text},
              {{"timeout: {total: 2s}, retry: {backoff: {base: 3s, max: 9s, jitter: equal}}"}, ""},
              {{"timeout: {total: 2s}, retry: {backoff: {base: 4s, max: 9s, jitter: full}}"}, ""},  // it may be 0
              {{"timeout: {total: 50ms}, retry: {}"}, ""}});                                        // the default base
}

TEST_CASE("a back-off of a queue that outlasts its jobs is a warning") {
  check_rows(
      {{{kEnqueue, "", "job_ttl: 1m, replay: {backoff: {base: 2m, max: 9m}}"},
        "t.yaml:3:72: warning: queues.q.replay.backoff.base: nothing is ever retried: the wait ends after job_ttl "
        "(1m)"},
       {{kEnqueue, "", "job_ttl: 1m, replay: {backoff: {base: 1m, max: 9m}}"}, ""},  // equal: half of it
       {{kEnqueue, "", "job_ttl: 1s"}, ""}});
}

TEST_CASE("a fallback for what cannot happen is a warning") {
  const std::string respond = ", respond: {}}";
  const auto never = [](int column, const std::string& item, const std::string& policy) {
    return "t.yaml:5:" + std::to_string(column) + ": warning: " + kRoute + "fallback." + item +
           ": never happens: neither the route nor upstream u has a " + policy;
  };
  const std::string both = "fallback: {on: [breaker_open, bulkhead_full, pool_full]" + respond;
  check_rows({{{both}, never(60, "on[0]", "breaker") + "\n" + never(74, "on[1]", "bulkhead")},
              {{both, "breaker: {}"}, never(74, "on[1]", "bulkhead")},
              {{both, "bulkhead: {}"}, never(60, "on[0]", "breaker")},
              {{both + ", breaker: {}, bulkhead: {}"}, ""},
              {{"fallback: {respond: {}}"}, ""}});  // the default list
}

TEST_CASE("a body that the queue takes and the listener does not is a warning") {
  const std::string large = "fallback: {enqueue: {queue: q, max_body: 40MiB";
  check_rows({{{large + "}}", "", "max_jobs: 1"},
               "t.yaml:5:85: warning: " + kRoute +
                   "fallback.enqueue.max_body: 40MiB is larger than limits.body of the listener (32MiB), beyond which "
                   "a request is refused"},
              {{large + ", body: reference, reference_hosts: [h]}}", "", "max_jobs: 1"}, ""},
              {{large + "}}", "", "max_jobs: 1", "", "limits: {body: 40MiB},"}, ""},
              {{kEnqueue, "", "max_jobs: 1", "", "limits: {body: 1MiB},"}, ""}});  // the default max_body
}

TEST_CASE("what applies without the store of a rate limit is a warning where there is no store") {
  check_rows({{{"rate_limit: {on_store_failure: deny}"},
               "t.yaml:5:75: warning: " + kRoute + "rate_limit.on_store_failure: has no effect with `store: local`"},
              {{"rate_limit: {store: local, on_store_failure: local}"}, ""},
              {{"rate_limit: {store: 'redis://h', on_store_failure: deny}"}, ""}});
}

TEST_CASE("a prefix of client addresses is a warning where no address identifies a client") {
  check_rows({{{"rate_limit: {key: global, ipv6_prefix: 56}"},
               "t.yaml:5:83: warning: " + kRoute + "rate_limit.ipv6_prefix: has no effect: `key` is without client_ip"},
              {{"rate_limit: {key: global, ipv6_prefix: 64}"}, ""},
              {{"rate_limit: {key: [global, client_ip], ipv6_prefix: 56}"}, ""}});
}

TEST_CASE("a path of jobs is a warning on a listener whose routes do not enqueue") {
  check_rows({{{"", "", "", "", "jobs_path: /work/,"},
               "t.yaml:4:56: warning: listeners[0].jobs_path: has no effect: no route of this listener has "
               "`fallback.enqueue`"},
              {{kEnqueue, "", "max_jobs: 1", "", "jobs_path: /work/,"}, ""},
              {{"", "", "", "", "jobs_path: /_jobs/,"}, ""}});
}

TEST_CASE("more slots than connections are a warning") {
  const std::string text =
      "bulkhead.max_concurrent: upstream u has 100 connections (max_connections): further calls hold a slot while "
      "they wait for one";
  check_rows({{{"", "bulkhead: {max_concurrent: 200}"}, "t.yaml:2:69: warning: upstreams.u." + text},
              {{"bulkhead: {max_concurrent: 200}"}, "t.yaml:5:71: warning: " + kRoute + text},
              {{"", "max_connections: 200, bulkhead: {max_concurrent: 200}"}, ""},
              {{"", "max_connections: 5, bulkhead: {}"}, ""}});
}

TEST_CASE("a policy of an upstream that no route takes is a warning") {
  const std::string own = " has no effect: every route to this upstream has a ";
  check_rows(
      {{{"breaker: {}", "breaker: {}"}, "t.yaml:2:42: warning: upstreams.u.breaker:" + own + "breaker of its own"},
       {{"bulkhead: {}", "bulkhead: {}"}, "t.yaml:2:42: warning: upstreams.u.bulkhead:" + own + "bulkhead of its own"},
       {{"", "retry_budget: {}"},
        "t.yaml:2:42: warning: upstreams.u.retry_budget: has no effect: no route to this upstream has `retry`"},
       {{"retry: ", "retry_budget: , breaker: {}, bulkhead: {}"}, ""}});
}

TEST_CASE("an ejection where there is one endpoint is a warning") {
  check_rows(
      {{{"", "outlier_ejection: {}"},
        "t.yaml:2:42: warning: upstreams.u.outlier_ejection: has no effect: the upstream has one endpoint, and the "
        "last healthy one is never ejected"},
       {{"", "health_check: {}"}, ""}});
  std::string two = yaml_of({"", "outlier_ejection: {}"});
  two.replace(two.find("['http://h']"), 12, "['http://a', 'http://b']");
  CHECK(warnings_of(two) == "");
}

TEST_CASE("access lines that the level leaves out are a warning") {
  check_rows(
      {{{"", "", "", "", "", "level: warn, access: all"},
        "t.yaml:1:28: warning: log.access: has no effect: `level` leaves out the lines of requests, which are of "
        "level info"},
       {{"", "", "", "", "", "level: info, access: all"}, ""},
       {{"", "", "", "", "", "level: warn, access: errors"}, ""}});
}

TEST_CASE("a route of which several earlier ones take every method is a warning") {
  const auto routes = [](const std::string& last) {
    return "upstreams: {u: {endpoints: ['http://h']}}\nlisteners: [{name: l, address: 127.0.0.1:1, routes: [\n{name: "
           "a, "
           "match: {path: /*, methods: [GET]}, upstream: u},\n{name: b, match: {path: /x, methods: [POST]}, upstream: "
           "u},\n{name: c, match: {path: /x" +
           last + "}, upstream: u}]}]\n";
  };
  CHECK(warnings_of(routes(", methods: [GET, POST]")) ==
        "t.yaml:5:1: warning: listeners[0].routes[2]: unreachable: earlier routes take GET, POST");
  CHECK(warnings_of(routes(", methods: [GET, PUT]")) == "");
  CHECK(warnings_of(routes("")) == "");
}

TEST_CASE("a timeout that never elapses is a warning that names the shorter one") {
  const auto enclosed = [](const std::string& at, const std::string& value, const std::string& by) {
    return "t.yaml:" + at + ": " + value + " never elapses: " + by + " is shorter and ends the wait first";
  };
  const std::string route = ": warning: " + kRoute;
  check_rows({
      {{"timeout: {per_try: 40s}"}, enclosed("5:63" + route + "timeout.per_try", "40s", "timeout.total (30s)")},
      {{"timeout: {total: 10s}"}, ""},  // the default per_try
      {{"timeout: {total: 5s, per_try: 5s}"}, ""},
      {{"timeout: {response_header: 20s}"},
       enclosed("5:71" + route + "timeout.response_header", "20s", "timeout.per_try (15s)")},
      {{"timeout: {total: 5s, response_header: 10s}"},
       enclosed("5:82" + route + "timeout.response_header", "10s", "timeout.total (5s)")},
      {{"timeout: {total: 5s, idle: 60s}"}, ""},  // the default
      {{"timeout: {total: 5s, idle: 7s}"}, enclosed("5:71" + route + "timeout.idle", "7s", "timeout.total (5s)")},
      {{"timeout: {total: 5s, idle: 7s}, " + kEnqueue, "", "max_jobs: 1"}, ""},  // in a replay
      {{"timeout: {total: 5s, idle: 7s}, " + kEnqueue, "", "replay: {timeout: 6s}"},
       enclosed("5:71" + route + "timeout.idle", "7s", "replay.timeout of the queue (6s)")},
      {{"bulkhead: {max_wait: 31s}"}, enclosed("5:65" + route + "bulkhead.max_wait", "31s", "timeout.total (30s)")},
  });
}

TEST_CASE("a timeout of an upstream is a warning only if no route lets it elapse") {
  const auto enclosed = [](const std::string& at, const std::string& value, const std::string& by) {
    return "t.yaml:" + at + ": " + value + " never elapses: " + by + " is shorter and ends the wait first";
  };
  const std::string upstream = ": warning: upstreams.u.";
  const std::string slow = "breaker: {slow_call: {threshold: 20s}}";
  check_rows({
      {{"", "connect_timeout: 20s"}, enclosed("2:59" + upstream + "connect_timeout", "20s", "timeout.per_try (15s)")},
      {{"timeout: {per_try: 20s}", "connect_timeout: 20s"}, ""},
      {{kEnqueue, "connect_timeout: 20s", "max_jobs: 1"}, ""},  // in a replay
      {{"timeout: {total: 2s}"}, ""},                           // the default connect_timeout
      {{"", "pending_timeout: 31s"}, enclosed("2:59" + upstream + "pending_timeout", "31s", "timeout.total (30s)")},
      {{kEnqueue, "pending_timeout: 61s", "max_jobs: 1"}, ""},  // a job waits for a connection beyond its timeout
      {{"", slow}, enclosed("2:75" + upstream + "breaker.slow_call.threshold", "20s", "timeout.response_header (10s)")},
      {{"timeout: {total: 60s, per_try: 60s, response_header: 20s}", slow}, ""},
      {{"", "bulkhead: {max_wait: 31s}"},
       enclosed("2:63" + upstream + "bulkhead.max_wait", "31s", "timeout.total (30s)")},
  });
}

TEST_CASE("upgrades that no request can ask for, that are misspelt, or that take the slots of requests are warnings") {
  check_rows({
      {{"upgrades: [websockets]"}, "t.yaml:5:55: warning: " + kRoute + "upgrades[0]: did you mean `websocket`?"},
      {{"upgrades: [my-protocol]"}, ""},
      {{"upgrades: [], timeout: {tunnel_idle: 5m}"},
       "t.yaml:5:81: warning: " + kRoute + "timeout.tunnel_idle: has no effect: `upgrades` is empty"},
      {{.route = "upgrades: [websocket]", .match = "methods: [POST]"},
       "t.yaml:5:69: warning: " + kRoute +
           "upgrades: no request asks for a WebSocket: it would be a GET, which `match.methods` has not"},
      {{"upgrades: [websocket]", "bulkhead: {}"},
       "t.yaml:5:54: warning: " + kRoute +
           "upgrades: open tunnels hold the slots of requests, in the bulkhead of upstream u: give the route a "
           "`bulkhead` of its own"},
      {{"upgrades: [websocket], bulkhead: {}", "max_connections: 10"}, ""},
      {{"", "bulkhead: {}"}, ""},
  });
}
