// The admin interface, asked over its own socket.
#include "loopback/bed.h"

namespace tidegate::loopback {

TEST_CASE("/health and /ready say so in JSON") {
  Bed bed;
  CHECK(bed.admin("/health").body == R"({"status":"ok"})");
  const Reply ready = bed.admin("/ready");
  CHECK(ready.status == 200);
  CHECK(ready.json().at("status") == "ready");
  CHECK(ready.field("cache-control") == "no-store");
}

TEST_CASE("an open breaker is not unreadiness") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 500});
  for (int i = 0; i < 3; ++i) bed.ask(get("/guarded"));
  CHECK(bed.admin("/ready").status == 200);
}

TEST_CASE("a queue that cannot store, and draining, are unreadiness, each by its name") {
  Bed bed;
  bed.close_queue();
  const Reply closed = bed.admin("/ready");
  CHECK(closed.status == 503);
  CHECK(closed.json().at("status") == "not ready");
  CHECK(closed.json().at("failed").size() == 1);
  CHECK(closed.json().at("failed").contains("queue jobs"));
  bed.gateway().set_draining();
  CHECK(bed.admin("/ready").json().at("failed").contains("draining"));
  CHECK(bed.admin("/health").status == 200);
}

// Nothing listens there, and nothing will.
std::string with_queue_at(const std::string& url) {
  std::string yaml = usual_config();
  const std::string usual = "url: sqlite://{DIR}/jobs.db";
  const std::string results = url.starts_with("amqp") ? "\n    results: {url: \"sqlite://{DIR}/results.db\"}" : "";
  const std::string queue = "url: " + url + "\n    spool: \"{DIR}/spool.db\"" + results;
  return yaml.replace(yaml.find(usual), usual.size(), queue);
}

TEST_CASE("every series of a queue is there from the start, at 0") {
  for (const std::string url :
       {"sqlite://{DIR}/jobs.db", "redis://127.0.0.1:1/0", "amqp://guest:secret@127.0.0.1:1/vhost"}) {
    CAPTURE(url);
    const bool server = !url.starts_with("sqlite");
    Bed bed(server ? with_queue_at(url) : usual_config());
    const std::string text = bed.admin("/metrics").body;
    const auto check = [&](const std::string& series, int value) {
      const std::string line = "\ntidegate_" + series + " " + std::to_string(value) + "\n";
      CAPTURE(line);
      CHECK(text.find(line) != std::string::npos);
    };
    for (const char* status : {"queued", "running", "retrying", "succeeded", "dead", "cancelled", "expired"}) {
      check("queue_depth{queue=\"jobs\",status=\"" + std::string(status) + "\"}", 0);
    }
    for (const char* event : {"accepted", "replayed", "succeeded", "retried", "dead", "cancelled", "expired"}) {
      check("queue_jobs_total{event=\"" + std::string(event) + "\",queue=\"jobs\"}", 0);
    }
    check("queue_oldest_age_seconds{queue=\"jobs\"}", 0);
    check("queue_bytes{queue=\"jobs\"}", 0);
    check("queue_commit_seconds_count{queue=\"jobs\"}", 0);
    check("dependency_up{dependency=\"queue:jobs\"}", server ? 0 : 1);
    CHECK(text.find("secret") == std::string::npos);
  }
}

TEST_CASE("while a queue's server is away and its spool takes the jobs, Tidegate is ready, and says what is down") {
  Bed bed(with_queue_at("redis://127.0.0.1:1/0"));
  CHECK(bed.ask(post("/job", "work")).status == 202);
  CHECK(bed.admin("/ready").status == 200);
  CHECK(bed.metric("tidegate_dependency_up", {"queue:jobs"}) == 0);
  CHECK(bed.metric("tidegate_queue_depth", {"status=\"queued\""}) == 1);
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);
  CHECK(bed.metric("tidegate_queue_commit_seconds_count", {"jobs"}) == 1);
}

TEST_CASE("/metrics has what scrapers look for, in their format") {
  Bed bed;
  bed.ask(get("/plain"));
  const Reply reply = bed.admin("/metrics");
  CHECK(reply.field("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const char* line :
       {"tidegate_build_info{revision=\"loopback\",version=\"9.9.9\"} 1", "# TYPE tidegate_http_requests_total counter",
        "tidegate_breaker_state{breaker=\"guarded\",state=\"closed\"} 1", "process_resident_memory_bytes ",
        "tidegate_queue_depth{queue=\"jobs\",status=\"queued\"} 0"}) {
    const std::string wanted = line;
    CAPTURE(wanted);
    CHECK(reply.body.find(wanted) != std::string::npos);
  }
  CHECK(bed.metric("tidegate_http_request_duration_seconds_count", {"plain", "proxied"}) == 1);
}

TEST_CASE("/api/status tells of every breaker, bulkhead and queue, and what happens next") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 500});
  for (int i = 0; i < 2; ++i) bed.ask(get("/guarded"));
  const nlohmann::json status = bed.admin("/api/status").json();
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
  }
  CHECK(found);
}

TEST_CASE("an unknown page is 404, a wrong method 405, a malformed request 400") {
  Bed bed;
  const Reply unknown = bed.admin("/nothing");
  CHECK(unknown.status == 404);
  CHECK(unknown.json().at("reason") == "not_found");
  const Reply wrong = bed.ask_admin(post("/metrics", "x"));
  CHECK(wrong.status == 405);
  CHECK(wrong.field("allow") == "GET, HEAD");
  const Reply malformed = bed.ask_admin("GET /health HTTP/1.1\r\n\r\n");
  CHECK(malformed.json().at("reason") == "bad_request");
  CHECK(malformed.json().at("instance") == malformed.field("x-request-id"));
}

}  // namespace tidegate::loopback
