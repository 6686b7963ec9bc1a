#include "cli/status_text.h"

#include <doctest/doctest.h>

namespace tidegate::cli {

using nlohmann::json;

namespace {

json healthy_status() {
  return json::parse(R"({"version": "0.1.0", "revision": "abc1234", "started_at": "2026-11-29T00:00:00.000Z",
    "now": "2026-11-29T03:00:00.000Z", "config": "tidegate.yaml", "draining": false,
    "breakers": [{"name": "optimizer", "state": "closed", "since": "2026-11-29T00:00:00.000Z", "mode": "enforce",
                  "reason": null, "detail": null, "outage_since": null, "outage_cause": null, "last_failure": null,
                  "next": "calls go through"}],
    "upstreams": [{"name": "optimizer", "waiting": 0, "last_failure": null, "endpoints": [
        {"endpoint": "10.0.0.7:80", "state": "healthy", "healthy": true, "unhealthy_since": null, "last_error": null},
        {"endpoint": "10.0.0.8:80", "state": "healthy", "healthy": true, "unhealthy_since": null, "last_error": null}]}],
    "queues": [{"name": "jobs", "available": true, "why_unavailable": null, "server_away": null, "warnings": [],
                "depth": {"queued": 0, "running": 0, "retrying": 0, "dead": 0}, "oldest_age_s": null}]})");
}

json outage_status() {
  json status = healthy_status();
  status["breakers"][0].update(json::parse(R"({"state": "open", "since": "2026-11-29T02:59:48.000Z",
    "reason": "probe_failed", "detail": "probe: connect_failure", "outage_since": "2026-11-29T02:48:00.000Z",
    "outage_cause": "5 consecutive failures", "next": "calls are refused; in 18 s the next call is sent as a probe",
    "last_failure": {"at": "2026-11-29T02:59:48.000Z", "endpoint": "10.0.0.7:80", "outcome": "connect_failure",
                     "reason": "10.0.0.7:80: connection refused"}})"));
  status["upstreams"][0]["endpoints"][0].update(json::parse(R"({"state": "unavailable", "healthy": false,
    "unhealthy_since": "2026-11-29T02:48:00.000Z", "last_error": "connection refused"})"));
  status["queues"][0]["depth"].update(json::parse(R"({"queued": 120, "retrying": 3, "running": 1, "dead": 2})"));
  status["queues"][0]["oldest_age_s"] = 725.5;
  return status;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("where all is well the page says so, and one line is enough for each breaker, upstream and queue") {
  CHECK(unhealthy_of(healthy_status()).empty());
  CHECK(status_text(healthy_status(), "") ==
        "tidegate 0.1.0 (abc1234), started 2026-11-29T00:00:00.000Z (3h), configuration tidegate.yaml\n"
        "healthy\n"
        "\nbreakers\n"
        "  optimizer             closed since 2026-11-29T00:00:00.000Z (3h)\n"
        "\nupstreams\n"
        "  optimizer             2 of 2 endpoints are healthy\n"
        "\nqueues\n"
        "  jobs                  0 waiting, 0 running, 0 dead\n");
}

TEST_CASE(
    "of an outage the page says which breaker is open, why, since when, what failed where, and what happens next") {
  const std::string page = status_text(outage_status(), " --admin 127.0.0.1:9");
  CHECK(has(page, "unhealthy:\n  breaker optimizer is open\n  endpoint 10.0.0.7:80 of optimizer is unavailable\n"));
  CHECK(has(page, "open since 2026-11-29T02:59:48.000Z (12s)\n"));
  CHECK(has(page, "why: probe: connect_failure (probe_failed)\n"));
  CHECK(has(page, "outage since 2026-11-29T02:48:00.000Z (12m): 5 consecutive failures\n"));
  CHECK(
      has(page,
          "last failure: connect_failure at 10.0.0.7:80 2026-11-29T02:59:48.000Z: 10.0.0.7:80: connection refused\n"));
  CHECK(has(page, "next: calls are refused; in 18 s the next call is sent as a probe\n"));
  CHECK(has(page, "1 of 2 endpoints are healthy\n"));
  CHECK(has(page, "10.0.0.7:80 unavailable, not healthy since 2026-11-29T02:48:00.000Z (12m): connection refused\n"));
  CHECK_FALSE(has(page, "10.0.0.8:80"));
  CHECK(has(page, "123 waiting, 1 running, 2 dead, oldest 12m\n"));
  CHECK(has(page, "for the dead letters: tidegate jobs list --status dead --queue jobs --admin 127.0.0.1:9\n"));
}

TEST_CASE("dead letters, and a breaker in shadow mode, are shown and are not unhealthy") {
  json status = healthy_status();
  status["breakers"][0].update(json::parse(R"({"state": "open", "mode": "shadow"})"));
  status["queues"][0]["depth"]["dead"] = 7;
  CHECK(unhealthy_of(status).empty());
  CHECK(has(status_text(status, ""), "in shadow mode"));
  CHECK(has(status_text(status, ""), "7 dead"));
}

TEST_CASE("a queue that takes no jobs, whose server is unavailable, or that warns is unhealthy, and says why") {
  struct Row {
    const char* change;
    const char* expected;
  };
  for (const Row& row : {Row{R"({"available": false, "why_unavailable": "store_damaged: jobs.db"})",
                             "queue jobs: takes no jobs: store_damaged: jobs.db"},
                         Row{R"({"server_away": "redis: no connection"})",
                             "queue jobs: its server is unavailable, the spool takes the jobs: redis: no connection"},
                         Row{R"({"warnings": ["it takes no jobs: max_jobs reached", "another"]})",
                             "queue jobs: it takes no jobs: max_jobs reached; another"}}) {
    json status = healthy_status();
    status["queues"][0].update(json::parse(row.change));
    CHECK(unhealthy_of(status) == std::vector<std::string>{row.expected});
  }
}

TEST_CASE("an unavailable store of rate limits is unhealthy") {
  json status = healthy_status();
  status["rate_limit_stores"] = json::parse(R"([{"store": "redis://a:6379", "available": true},
                                               {"store": "redis://b:6379", "available": false}])");
  CHECK(unhealthy_of(status) == std::vector<std::string>{"rate limit store redis://b:6379 is unavailable"});
}

TEST_CASE("a half open or forced open breaker is unhealthy, a forced closed one is not") {
  for (const auto& [state, unhealthy] :
       {std::pair("half_open", true), {"forced_open", true}, {"forced_closed", false}}) {
    json status = healthy_status();
    status["breakers"][0]["state"] = state;
    CHECK(unhealthy_of(status).size() == (unhealthy ? 1 : 0));
  }
}

TEST_CASE("the JSON of another server is no status") {
  CHECK(is_status(healthy_status()));
  CHECK_FALSE(is_status(json::object()));
  CHECK_FALSE(is_status(json::parse(R"({"version": "1.0.0"})")));
  CHECK_FALSE(is_status(json::parse(R"({"version": 1, "breakers": []})")));
}

TEST_CASE("what is missing, of another type or full of control characters does no harm") {
  CHECK(unhealthy_of(json::parse(R"({"breakers": 5, "upstreams": [1, null], "queues": [{"depth": null}]})")).empty());
  json status = outage_status();
  status["breakers"][0]["detail"] = "\x1b[2Jcleared";
  status["breakers"][0]["since"] = "a while ago";
  status["now"] = 5;
  const std::string page = status_text(status, "");
  CHECK_FALSE(has(page, "\x1b"));
  CHECK(has(page, "open since a while ago\n"));
}

TEST_CASE("a bulkhead or a pool of connections that is full, or nearly, is shown, with how much of it tunnels hold") {
  json status = healthy_status();
  status["bulkheads"] = json::parse(R"([{"name": "free", "in_use": 7, "waiting": 0, "limit": 10, "tunnels": 7},
    {"name": "near", "in_use": 8, "waiting": 0, "limit": 10, "tunnels": 0},
    {"name": "full", "in_use": 10, "waiting": 3, "limit": 10, "tunnels": 9}])");
  status["upstreams"][0].update(json::parse(R"({"connections": 12, "max_connections": 10, "tunnels": 6})"));
  status["upstreams"][0]["endpoints"][1]["idle_connections"] = 2;
  const std::string page = status_text(status, "");
  CHECK(has(page, "\nhealthy\n"));
  CHECK(has(page,
            "\nbulkheads that are full, or nearly\n"
            "  near                  8 of 10 in use, 0 waiting\n"
            "  full                  10 of 10 in use, 9 of them by tunnels, 3 waiting\n"));
  CHECK_FALSE(has(page, "  free"));
  CHECK(has(page, "connections: 10 of 10 in use, 6 of them by tunnels, 0 waiting\n"));
  status["upstreams"][0]["connections"] = 9;
  CHECK_FALSE(has(status_text(status, ""), "connections:"));
}

TEST_CASE("a takeover that is under way, and a process that still drains after one, are said first") {
  const auto page = [](const char* step, int process) {
    json status = healthy_status();
    status["takeover"] = step;
    process != 0 ? status["takeover_process"] = process : status["takeover_process"] = nullptr;
    return status_text(status, "");
  };
  CHECK_FALSE(has(page("waiting", 0), "takeover"));
  CHECK(has(page("ending_jobs", 3170), "healthy\ntakeover: ending_jobs, by process 3170\n"));
  CHECK(has(page("predecessor_draining", 3092),
            "healthy\ntakeover: process 3092 still drains, which this one has taken over from: with queues, the next "
            "takeover waits\n"));
}

}  // namespace tidegate::cli
