// What is said of the difference of two configurations.
#include "config/load/changes.h"

#include <doctest/doctest.h>

#include "config/load/loader.h"
#include "support/config_builder.h"

namespace tidegate::config {

namespace {

Effective effective(const std::string& yaml, const std::map<std::string, std::string>& environment = {}) {
  const LoadResult loaded = load_text(yaml, "test.yaml", [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
  for (const Diagnostic& error : loaded.errors) FAIL_CHECK(error.to_string());
  return loaded.effective;
}

std::vector<std::string> changes(const Effective& before, const Effective& after) {
  std::vector<std::string> lines;
  for (const Change& change : find_changes(before, after)) lines.push_back(change.to_string());
  return lines;
}

using Lines = std::vector<std::string>;

std::string config(const std::string& upstream, const std::string& route = "") {
  return test::ConfigBuilder()
      .upstream("up", "endpoints: ['http://10.0.0.1:80']" + upstream)
      .route("r", "match: {path: /r}, upstream: up" + route)
      .yaml();
}

}  // namespace

TEST_CASE("the same configuration has no changes, however it is written") {
  CHECK(changes(effective(config("")), effective(config(""))).empty());
  CHECK(changes(effective(config(", connect_timeout: 3s")), effective(config(", connect_timeout: 3000ms"))).empty());
  CHECK(changes(effective(config("")), effective(config(", connect_timeout: 3s, balance: least_requests"))).empty());
  CHECK(changes(effective(config(", bulkhead: {}")), effective(config(", bulkhead: {max_concurrent: 10}"))).empty());
  CHECK(changes(effective(config("")), effective("# a comment\n" + config(""))).empty());
}

TEST_CASE("a value that changes is shown from and to, the default where it is absent") {
  CHECK(changes(effective(config(", bulkhead: {max_concurrent: 8}")),
                effective(config(", bulkhead: {max_concurrent: 16}"))) ==
        Lines{"upstreams.up.bulkhead.max_concurrent: 8 -> 16"});
  CHECK(changes(effective(config(", connect_timeout: 1s")), effective(config(""))) ==
        Lines{"upstreams.up.connect_timeout: 1s -> 3s"});
  CHECK(changes(effective(config("")), effective(config("", ", timeout: {total: 7s}"))).size() == 1);
  CHECK(changes(effective(config("", ", retry: {on: [503]}")), effective(config("", ", retry: {on: [503, reset]}"))) ==
        Lines{"listeners.in.routes.r.retry.on: [503] -> [503, reset]"});
}

TEST_CASE("where a word takes the place of a section the change is the word") {
  const auto keys = effective(config("", ", buffering: {request: 2MiB}"));
  const auto word = effective(config("", ", buffering: off"));
  CHECK(changes(keys, word) == Lines{"listeners.in.routes.r.buffering: (default) -> off"});
  CHECK(changes(word, keys) == Lines{"listeners.in.routes.r.buffering: off -> (default)"});
}

TEST_CASE("of a section that is added or removed each value of the file is shown") {
  const auto bare = effective(config("")), tunnels = effective(config("", ", timeout: {tunnel_idle: 5m}"));
  CHECK(changes(bare, tunnels) == Lines{"listeners.in.routes.r.timeout.tunnel_idle: (not set) -> 5m"});
  CHECK(changes(tunnels, bare) == Lines{"listeners.in.routes.r.timeout.tunnel_idle: 5m -> (not set)"});
  CHECK(
      changes(bare, effective(config(", breaker: {open_for: 1s, failure_ratio: 0.7}"))) ==
      Lines{"upstreams.up.breaker.failure_ratio: (not set) -> 0.7", "upstreams.up.breaker.open_for: (not set) -> 1s"});
  CHECK(changes(bare, effective(config(", breaker: {open_for: }"))) == Lines{"upstreams.up.breaker: added"});
  CHECK(changes(bare, effective(config(", breaker: {}"))) == Lines{"upstreams.up.breaker: added"});
  CHECK(changes(effective(config(", breaker: {}")), bare) == Lines{"upstreams.up.breaker: removed"});
}

TEST_CASE("a named section that is added or removed is one change") {
  const auto two = test::ConfigBuilder()
                       .upstream("up", "endpoints: ['http://10.0.0.1:80']")
                       .upstream("other", "endpoints: ['http://10.0.0.1:80'], breaker: {open_for: 1s}")
                       .route("first", "match: {path: /f}, upstream: up, timeout: {total: 3s}")
                       .route("r", "match: {path: /r}, upstream: up")
                       .yaml();
  CHECK(changes(effective(config("")), effective(two)) ==
        Lines{"listeners.in.routes.first: added", "upstreams.other: added"});
  CHECK(changes(effective(two), effective(config(""))) ==
        Lines{"listeners.in.routes.first: removed", "upstreams.other: removed"});
}

TEST_CASE("an empty section is one with its defaults, and an absent one is none") {
  CHECK(changes(effective(config("")), effective(config(", breaker: "))) == Lines{"upstreams.up.breaker: added"});
  CHECK(changes(effective(config(", breaker: {}")), effective(config(", breaker: "))).empty());
  CHECK(changes(effective(config(", bulkhead: {max_concurrent: 8}")), effective(config(", bulkhead: "))) ==
        Lines{"upstreams.up.bulkhead.max_concurrent: 8 -> 10"});
}

TEST_CASE("routes whose order changes are a change, since the first that matches counts") {
  const auto in_order = [](const char* one, const char* other) {
    return test::ConfigBuilder()
        .upstream("up", "endpoints: ['http://10.0.0.1:80']")
        .route(one, std::string("match: {path: /") + one + "}, upstream: up")
        .route(other, std::string("match: {path: /") + other + "}, upstream: up")
        .yaml();
  };
  CHECK(changes(effective(in_order("a", "b")), effective(in_order("b", "a"))) ==
        Lines{"listeners.in.routes: order changed"});
}

TEST_CASE("a secret of a section that is added is not shown") {
  const auto with = [](const char* callback) {
    return test::ConfigBuilder()
        .upstream("up", "endpoints: ['http://10.0.0.1:80']")
        .queue("q", "url: 'sqlite:///tmp/q.db'")
        .route("r", std::string("match: {path: /r}, upstream: up, fallback: {enqueue: {queue: q") + callback + "}}");
  };
  const Lines lines = changes(
      effective(with("")),
      effective(
          with(", callback: {url: 'http://127.0.0.1:8080/done', secret: 'hunter1hunter1hunter1hunter1hunter1'}")));
  const std::string path = "listeners.in.routes.r.fallback.enqueue.callback.";
  CHECK(lines == Lines{path + "secret: (not set) -> (secret)", path + "url: (not set) -> http://127.0.0.1:8080/done"});
}

TEST_CASE("secrets are compared and never shown") {
  const auto queue = [](const char* url) {
    return test::ConfigBuilder()
        .admin(std::string("address: 127.0.0.1:0, token: '${TOKEN}'"))
        .upstream("up", "endpoints: ['http://10.0.0.1:80']")
        .queue("q", std::string("url: '") + url + "'")
        .route("r", "match: {path: /r}, upstream: up, fallback: {enqueue: {queue: q}}")
        .yaml();
  };
  const Effective before = effective(queue("redis://me:hunter1@10.0.0.9:6379/0"), {{"TOKEN", "aaaaaaaaaaaaaaaaaaaa"}});
  const Effective after = effective(queue("redis://me:hunter2@10.0.0.9:6379/0"), {{"TOKEN", "bbbbbbbbbbbbbbbbbbbb"}});
  CHECK(changes(before, after) == Lines{"admin.token: changed", "queues.q.url: changed"});
  const Effective substituted =
      effective(queue("${URL}"), {{"TOKEN", "aaaaaaaaaaaaaaaaaaaa"}, {"URL", "redis://me:hunter3@10.0.0.9:6379/1"}});
  CHECK(changes(before, substituted) == Lines{"queues.q.url: redis://me:…@10.0.0.9:6379/0 -> ${URL}"});
}

}  // namespace tidegate::config
