// The admin interface over its own socket.
#include <algorithm>

#include "loopback/fixture.h"

namespace tidegate::loopback {

TEST_CASE("/health and /ready respond with JSON") {
  Fixture fixture;
  CHECK(fixture.admin("/health").body == "{\"status\":\"ok\"}\n");
  const Reply ready = fixture.admin("/ready");
  CHECK(ready.status == 200);
  CHECK(ready.json().at("status") == "ready");
  CHECK(ready.field("cache-control") == "no-store");
}

TEST_CASE(
    "/health, /ready and /metrics respond while hundreds of connections are open and send nothing, or too little") {
  Fixture fixture;
  std::vector<std::unique_ptr<test::RawClient>> silent;
  for (const char* first :
       {"", "GET /hea", "POST /api/queues/jobs/replay HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"}) {
    for (int i = 0; i < 150; ++i) {
      silent.push_back(std::make_unique<test::RawClient>(fixture.runtime, fixture.admin_address(), first));
    }
    fixture.until("all are connected", [&] {
      return std::all_of(silent.begin(), silent.end(), [](const auto& each) { return each->connected(); });
    });
    for (const char* path : {"/health", "/ready", "/metrics"}) CHECK(fixture.admin(path).status == 200);
  }
}

TEST_CASE("an open breaker does not make /ready fail") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 500});
  for (int i = 0; i < 3; ++i) fixture.ask(get("/guarded"));
  CHECK(fixture.admin("/ready").status == 200);
}

TEST_CASE("/ready is 503 while a queue cannot store or the process drains, and names both") {
  Fixture fixture;
  fixture.close_queue();
  const Reply closed = fixture.admin("/ready");
  CHECK(closed.status == 503);
  CHECK(closed.json().at("status") == "not ready");
  CHECK(closed.json().at("failed").size() == 1);
  CHECK(closed.json().at("failed").contains("queue jobs"));
  fixture.gateway().set_draining();
  CHECK(fixture.admin("/ready").json().at("failed").contains("draining"));
  CHECK(fixture.admin("/health").status == 200);
}

// A queue whose server does not exist.
std::string with_queue_at(const std::string& url) {
  const std::string results = url.starts_with("amqp") ? R"(, results: {url: "sqlite://{DIR}/results.db"})" : "";
  return usual_config().queue("jobs", "url: \"" + url + R"(", spool: "{DIR}/spool.db", max_jobs: 3)" + results);
}

TEST_CASE("every series of a queue exists from the start, at 0") {
  for (const std::string url :
       {"sqlite://{DIR}/jobs.db", "redis://127.0.0.1:1/0", "amqp://guest:secret@127.0.0.1:1/vhost"}) {
    CAPTURE(url);
    const bool server = !url.starts_with("sqlite");
    Fixture fixture(server ? with_queue_at(url) : usual_config().yaml());
    const std::string text = fixture.admin("/metrics").body;
    const auto check = [&](const std::string& series, int value) {
      const std::string line = "\ntidegate_" + series + " " + std::to_string(value) + "\n";
      CAPTURE(line);
      CHECK(text.find(line) != std::string::npos);
    };
    for (const char* status : {"queued", "running", "retrying", "succeeded", "dead", "cancelled", "expired"}) {
      check("queue_depth{queue=\"jobs\",status=\"" + std::string(status) + "\"}", 0);
    }
    for (const char* event :
         {"accepted", "replayed", "succeeded", "retried", "deferred", "dead", "cancelled", "expired"}) {
      check("queue_jobs_total{event=\"" + std::string(event) + "\",queue=\"jobs\"}", 0);
    }
    check("queue_oldest_age_seconds{queue=\"jobs\"}", 0);
    check("queue_bytes{queue=\"jobs\"}", 0);
    check("queue_commit_seconds_count{queue=\"jobs\"}", 0);
    check("dependency_up{dependency=\"queue:jobs\"}", server ? 0 : 1);
    CHECK(text.find("secret") == std::string::npos);
  }
}

TEST_CASE("while a queue's server is unavailable and its spool accepts jobs, /ready is 200 and dependency_up is 0") {
  Fixture fixture(with_queue_at("redis://127.0.0.1:1/0"));
  CHECK(fixture.ask(post("/job", "work")).status == 202);
  CHECK(fixture.admin("/ready").status == 200);
  CHECK(fixture.metric("tidegate_dependency_up", {"queue:jobs"}) == 0);
  CHECK(fixture.metric("tidegate_queue_depth", {"status=\"queued\""}) == 1);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);
  CHECK(fixture.metric("tidegate_queue_commit_seconds_count", {"jobs"}) == 1);
}

TEST_CASE("/metrics uses the text exposition format and has the expected series") {
  Fixture fixture;
  fixture.ask(get("/plain"));
  const Reply reply = fixture.admin("/metrics");
  CHECK(reply.field("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"tidegate_build_info{revision=\"loopback\",version=\"9.9.9\"} 1", "# TYPE tidegate_http_requests_total counter",
        "tidegate_breaker_state{breaker=\"guarded\",state=\"closed\"} 1", "process_resident_memory_bytes ",
        "tidegate_queue_depth{queue=\"jobs\",status=\"queued\"} 0"}) {
    const std::string wanted = line;
    CAPTURE(wanted);
    CHECK(reply.body.find(wanted) != std::string::npos);
  }
  CHECK(fixture.metric("tidegate_http_request_duration_seconds_count", {"plain", "proxied"}) == 1);
}

TEST_CASE("/api/status shows every breaker, bulkhead and queue, and the next step of each breaker") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 500});
  for (int i = 0; i < 2; ++i) fixture.ask(get("/guarded"));
  const nlohmann::json status = fixture.admin("/api/status").json();
  CHECK(status.at("version") == "9.9.9");
  CHECK(status.at("draining") == false);
  CHECK(status.at("bulkheads").size() == 1);
  CHECK(status.at("queues").at(0).at("available") == true);
  bool found = false;
  for (const nlohmann::json& breaker : status.at("breakers")) {
    if (breaker.at("name") != "guarded") continue;
    found = true;
    CHECK(breaker.at("state") == "open");
    CHECK(breaker.at("reason") == "consecutive_failures");
    CHECK(breaker.at("next").get<std::string>().find("calls are refused; in ") == 0);
    CHECK(breaker.at("next_probe_at").is_string());
    CHECK(breaker.at("next_probe_in_s").get<int>() > 0);
    CHECK(breaker.at("upstream") == "guarded");
    CHECK(breaker.at("last_failure").at("outcome") == "bad_upstream_response");
    CHECK(breaker.at("last_failure").at("reason") == "500");
    CHECK(breaker.at("last_failure").at("endpoint") == "127.0.0.1:" + std::to_string(fixture.upstream.port()));
  }
  CHECK(found);
}

TEST_CASE("/api/status and the metrics show each endpoint of an upstream, and which cannot be reached and why") {
  Fixture fixture;
  const auto endpoint_of = [&](const std::string& name) {
    const nlohmann::json status = fixture.admin("/api/status").json();
    for (const nlohmann::json& upstream : status.at("upstreams")) {
      if (upstream.at("name") == name) return std::pair(upstream.at("endpoints").at(0), upstream.at("last_failure"));
    }
    return std::pair(nlohmann::json(), nlohmann::json());
  };
  const char* const kHealthy = "tidegate_upstream_endpoint_healthy";
  CHECK(fixture.metric(kHealthy, {"\"dead\""}) == 1);  // nothing is known of it yet
  CHECK(endpoint_of("dead").first.at("last_error").is_null());
  CHECK(fixture.ask(get("/dead")).status == 502);
  CHECK(fixture.ask(get("/plain")).status == 200);
  CHECK(fixture.metric(kHealthy, {"\"dead\"", "endpoint=\"127.0.0.1:1\""}) == 0);
  CHECK(fixture.metric(kHealthy, {"\"up\""}) == 1);
  const auto [endpoint, failure] = endpoint_of("dead");
  CHECK(endpoint.at("endpoint") == "127.0.0.1:1");
  CHECK(endpoint.at("healthy") == false);
  CHECK(endpoint.at("failed_connects") == 1);
  CHECK(endpoint.at("unhealthy_since").is_string());
  CHECK(endpoint.at("last_error").get<std::string>().find("refused") != std::string::npos);
  CHECK(failure.at("outcome") == "connect_failure");
  CHECK(endpoint_of("up").first.at("healthy") == true);
  CHECK(endpoint_of("up").first.at("idle_connections") == 1);
  CHECK(endpoint_of("up").second.is_null());
}

TEST_CASE("an unknown path is 404, a wrong method 405, a malformed request 400") {
  Fixture fixture;
  const Reply unknown = fixture.admin("/nothing");
  CHECK(unknown.status == 404);
  CHECK(unknown.json().at("reason") == "not_found");
  const Reply wrong = fixture.ask_admin(post("/metrics", "x"));
  CHECK(wrong.status == 405);
  CHECK(wrong.field("allow") == "GET, HEAD");
  const Reply malformed = fixture.ask_admin("GET /health HTTP/1.1\r\n\r\n");
  CHECK(malformed.json().at("reason") == "bad_request");
  CHECK(malformed.json().at("instance") == malformed.field("x-request-id"));
}

}  // namespace tidegate::loopback
