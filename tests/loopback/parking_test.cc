// Parking: the 202 and its job, the jobs interface, and the responses when no job can be stored.
#include <set>

#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

std::string park_body(Fixture& fixture, std::string_view body = "work") {
  const Reply reply = fixture.ask(post("/job", body));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

// Checks the response, its line in the access log and its count in the metrics.
void check_jobs_problem(Fixture& fixture, const Reply& reply, int status, const std::string& reason) {
  CHECK(reply.status == status);
  const nlohmann::json problem = reply.json();
  CHECK(problem.at("status") == status);
  CHECK(problem.at("reason") == reason);
  CHECK(problem.at("instance") == reply.field("x-request-id"));
  CHECK(reply.field("content-type") == "application/problem+json");
  CHECK(reply.field("cache-control") == "no-store");
  CHECK(reply.field("proxy-status").find(reason) != std::string::npos);
  CHECK(fixture.logged(reason).size() == 1);
  CHECK(fixture.metric("tidegate_http_requests_total", {"route=\"_jobs\"", "outcome=\"" + reason + '"'}) == 1);
}

}  // namespace

TEST_CASE("an unreachable upstream: 202 with everything a client needs to follow its job") {
  Fixture fixture;
  const Reply reply = fixture.ask(post("/job?x=1", "work", "Content-Type: image/png\r\n"));
  REQUIRE(reply.status == 202);
  CHECK(reply.field("content-type") == "application/json");
  const nlohmann::json job = reply.json();
  const std::string id = job.at("job_id");
  CHECK(id.size() == 32);
  CHECK(job.at("status") == "queued");
  CHECK(job.at("status_url") == "/_jobs/" + id);
  CHECK(job.at("result_url") == "/_jobs/" + id + "/result");
  CHECK(job.at("retry_after").get<int>() >= 1);
  CHECK(reply.field("location") == "/_jobs/" + id);
  CHECK(reply.field("retry-after") == std::to_string(job.at("retry_after").get<int>()));
  CHECK(reply.field("x-request-id").size() == 32);
  CHECK(reply.field("proxy-status").find("queued") != std::string::npos);
  REQUIRE(fixture.logged("queued").size() == 1);
  CHECK(fixture.logged("queued")[0].at("reason").get<std::string>().find("connect_failure") != std::string::npos);
  CHECK(fixture.metric("tidegate_http_requests_total", {"route=\"job\"", "code=\"202\"", "outcome=\"queued\""}) == 1);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);

  const Reply status = fixture.ask(get("/_jobs/" + id));
  CHECK(status.status == 200);
  CHECK(std::stoi(status.field("retry-after")) >= 1);
  const nlohmann::json record = status.json();
  CHECK(record.at("job_id") == id);
  CHECK(record.at("status") == "queued");
  CHECK(record.at("attempt") == 0);
  CHECK(record.at("max_attempts") == 2);
  CHECK(record.at("position") == 0);
  CHECK(record.at("created_at").get<std::string>().ends_with("Z"));
  for (const char* empty : {"last_error", "finished_at"}) CHECK(record.at(empty).is_null());
}

TEST_CASE("Prefer: respond-async enqueues at once, and the result is the upstream's response byte for byte") {
  Fixture fixture;
  const std::string body(20'000, 'b');
  const Reply accepted =
      fixture.ask(post("/later?n=7", body, "Prefer: respond-async\r\nAuthorization: secret\r\nX-Kept: yes\r\n"));
  REQUIRE(accepted.status == 202);
  CHECK(fixture.upstream.seen.empty());
  const std::string id = accepted.json().at("job_id");
  const Reply early = fixture.ask(get("/_jobs/" + id + "/result"));
  check_jobs_problem(fixture, early, 409, "job_not_finished");
  CHECK(std::stoi(early.field("retry-after")) >= 1);

  std::string response;
  for (int i = 0; i < 200'000; ++i) response += static_cast<char>(i * 31 % 251);
  fixture.upstream.behave({Behaviour::Kind::respond, 201, "Content-Type: image/png\r\nX-Made: by hand\r\n", response});
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  const Seen& seen = fixture.upstream.seen.at(0);
  CHECK(seen.target == "/later?n=7");
  CHECK(seen.body == body);
  CHECK(seen.field("host") == "example");
  CHECK(seen.field("x-kept") == "yes");
  CHECK(seen.count("authorization") == 0);
  CHECK(seen.count("x-request-timeout-ms") == 1);

  for (int i = 0; i < 2; ++i) {
    const Reply result = fixture.ask(get("/_jobs/" + id + "/result"));
    CHECK(result.status == 201);
    CHECK(result.field("content-type") == "image/png");
    CHECK(result.field("x-made") == "by hand");
    CHECK(result.body == response);
  }
  const Reply head = fixture.ask("HEAD /_jobs/" + id + "/result HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head.whole);
  CHECK(head.field("content-length") == std::to_string(response.size()));
  const nlohmann::json record = fixture.ask(get("/_jobs/" + id)).json();
  CHECK(record.at("attempt") == 1);
  CHECK(record.at("finished_at").is_string());
  CHECK(fixture.ask(get("/_jobs/" + id)).count("retry-after") == 0);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"succeeded\""}) == 1);
}

TEST_CASE("a chunked body is stored completely and replayed with Content-Length") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const Reply accepted = fixture.ask(
      "POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  REQUIRE(accepted.status == 202);
  fixture.upstream.behave({});
  fixture.start_replaying();
  fixture.until_status(accepted.json().at("job_id"), "succeeded");
  CHECK(fixture.upstream.seen.back().body == "abcdef");
  CHECK(fixture.upstream.seen.back().field("content-length") == "6");
}

TEST_CASE("a job whose last attempt fails while others succeed is dead, and its result says why") {
  Fixture fixture;
  const std::string id = park_body(fixture);
  fixture.let_others_succeed();
  fixture.start_replaying();
  fixture.until_status(id, "dead");
  const Reply result = fixture.ask(get("/_jobs/" + id + "/result"));
  check_jobs_problem(fixture, result, 502, "job_failed");
  const nlohmann::json record = fixture.ask(get("/_jobs/" + id)).json();
  CHECK(record.at("attempt") == 2);
  CHECK(record.at("last_error").get<std::string>().find("connect_failure") != std::string::npos);
  CHECK(record.at("position").is_null());
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"dead\""}) == 1);
  CHECK(fixture.metric("tidegate_queue_depth", {"status=\"dead\""}) == 1);
}

TEST_CASE("a job that fails while nothing succeeds is deferred, beyond its attempts, and its record says so") {
  Fixture fixture;
  const std::string id = park_body(fixture);
  fixture.start_replaying();
  nlohmann::json record;
  fixture.until("the deferrals", [&] {
    record = fixture.ask(get("/_jobs/" + id)).json();
    return record.at("deferrals") >= 3;
  });
  CHECK((record.at("status") == "retrying" || record.at("status") == "running"));
  CHECK(record.at("attempt") <= 1);
  CHECK(record.at("max_attempts") == 2);
  CHECK(record.at("last_error").get<std::string>().find("connect_failure") != std::string::npos);
  const nlohmann::json shown = fixture.admin("/api/queues/jobs/jobs/" + id).json();
  CHECK(shown.at("deferrals") >= 3);
  CHECK(shown.at("history").size() == 1);
  CHECK(shown.at("history")[0].at("deferrals") >= 3);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"deferred\""}) >= 3);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"retried\""}) == 0);
}

TEST_CASE("a cancelled job never runs, and its result is 410") {
  Fixture fixture;
  const std::string id = park_body(fixture);
  const std::string cancel = "DELETE /_jobs/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n";
  const Reply cancelled = fixture.ask(cancel);
  CHECK(cancelled.status == 204);
  CHECK(cancelled.field("x-request-id").size() == 32);
  CHECK(fixture.status_of(id) == "cancelled");
  check_jobs_problem(fixture, fixture.ask(get("/_jobs/" + id + "/result")), 410, "result_gone");
  check_jobs_problem(fixture, fixture.ask(cancel), 409, "job_conflict");
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"cancelled\""}) == 1);
}

TEST_CASE("a job that has run cannot be cancelled") {
  Fixture fixture;
  const std::string id = fixture.ask(post("/later", "x", "Prefer: respond-async\r\n")).json().at("job_id");
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  check_jobs_problem(fixture, fixture.ask("DELETE /_jobs/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n"), 409, "job_conflict");
  CHECK(fixture.ask(get("/_jobs/" + id + "/result")).body == "hello");
}

TEST_CASE("an unknown job id is 404, whatever it looks like") {
  for (const char* id :
       {"0123456789abcdef0123456789abcdef", "short", "", "..%2Fjobs", "0123456789ABCDEF0123456789ABCDEF"}) {
    CAPTURE(id);
    Fixture fixture;
    check_jobs_problem(fixture, fixture.ask(get("/_jobs/" + std::string(id))), 404, "not_found");
  }
}

TEST_CASE("the jobs interface allows GET, HEAD and DELETE only") {
  Fixture fixture;
  const std::string id = park_body(fixture);
  const Reply reply = fixture.ask(post("/_jobs/" + id, "x"));
  check_jobs_problem(fixture, reply, 405, "method_not_allowed");
  CHECK(reply.field("allow") == "GET, HEAD, DELETE");
  CHECK(fixture.ask("DELETE /_jobs/" + id + "/result HTTP/1.1\r\nHost: a\r\n\r\n").field("allow") == "GET, HEAD");
}

TEST_CASE("a queue at max_jobs responds with 503 queue_full until a job ends") {
  Fixture fixture;
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.insert(park_body(fixture));
  CHECK(ids.size() == 3);
  check_own_response(fixture, fixture.ask(post("/job", "x")), {503, "queue_full", "job", "POST", true});
  CHECK(fixture.ask("DELETE /_jobs/" + *ids.begin() + " HTTP/1.1\r\nHost: a\r\n\r\n").status == 204);
  park_body(fixture);
}

TEST_CASE("a store that cannot commit: 503 queue_unavailable, never a 202") {
  Fixture fixture;
  fixture.close_queue();
  check_own_response(fixture, fixture.ask(post("/job", "x")), {503, "queue_unavailable", "job", "POST", true});
}

TEST_CASE("the status of a job in an unavailable store is 503") {
  Fixture fixture;
  const std::string id = park_body(fixture);
  fixture.close_queue();
  const Reply reply = fixture.ask(get("/_jobs/" + id));
  check_jobs_problem(fixture, reply, 503, "queue_unavailable");
  CHECK(std::stoi(reply.field("retry-after")) >= 1);
}

TEST_CASE("a body larger than max_body gets the upstream's failure, not a 202") {
  Fixture fixture;
  check_own_response(fixture, fixture.ask(post("/job", std::string(33'000, 'x'))),
                     {502, "connect_failure", "job", "POST"});
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 0);
}

TEST_CASE("a large body with Prefer: respond-async is 413") {
  Fixture fixture;
  const Reply reply = fixture.ask(post("/later", std::string(33'000, 'x'), "Prefer: respond-async\r\n"));
  check_own_response(fixture, reply, {413, "body_too_large", "later", "POST"});
}

TEST_CASE("a client that disconnects before its 202 leaves no job") {
  Fixture fixture;
  auto client = fixture.client("POST /streamed-job HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  fixture.until("it is parked", [&] {
    return fixture.metric("tidegate_upstream_request_duration_seconds_count", {"\"dead\"", "connect_failure"}) == 1;
  });
  client->leave();
  fixture.until("it is logged", [&] { return fixture.logged("client_closed").size() == 1; });
  CHECK(fixture.metric("tidegate_queue_depth", {"status=\"queued\""}) == 0);
}

TEST_CASE("a body that stops arriving while it is parked is 408, and creates no job") {
  Fixture fixture;
  const Reply reply = fixture.ask("POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  check_own_response(fixture, reply, {408, "client_timeout", "job", "POST"});
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 0);
}

}  // namespace tidegate::loopback
