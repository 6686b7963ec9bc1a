// Accepted work: 202 and what it promises, the jobs interface, and what happens where no promise can be made.
#include <set>

#include "loopback/own_answers.h"

namespace tidegate::loopback {

namespace {

std::string park(Bed& bed, std::string_view body = "work") {
  const Reply reply = bed.ask(post("/job", body));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

std::string status_of(Bed& bed, const std::string& id) { return bed.ask(get("/_jobs/" + id)).json().at("status"); }

void until_status(Bed& bed, const std::string& id, const std::string& status) {
  for (int i = 0; i < 2000; ++i) {
    if (status_of(bed, id) == status) return;
  }
  FAIL("job " << id << " never became " << status);
}

// Not the answer alone: the line and the count of the jobs interface too.
void check_jobs_problem(Bed& bed, const Reply& reply, int status, const std::string& reason) {
  CHECK(reply.status == status);
  const nlohmann::json problem = reply.json();
  CHECK(problem.at("status") == status);
  CHECK(problem.at("reason") == reason);
  CHECK(problem.at("instance") == reply.field("x-request-id"));
  CHECK(reply.field("content-type") == "application/problem+json");
  CHECK(reply.field("proxy-status").find(reason) != std::string::npos);
  CHECK(bed.logged(reason).size() == 1);
  CHECK(bed.metric("tidegate_http_requests_total", {"route=\"_jobs\"", "outcome=\"" + reason + '"'}) == 1);
}

}  // namespace

TEST_CASE("an upstream that is away: 202 with everything a client needs to come back") {
  Bed bed;
  const Reply reply = bed.ask(post("/job?x=1", "work", "Content-Type: image/png\r\n"));
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
  REQUIRE(bed.logged("queued").size() == 1);
  CHECK(bed.logged("queued")[0].at("reason").get<std::string>().find("connect_failure") != std::string::npos);
  CHECK(bed.metric("tidegate_http_requests_total", {"route=\"job\"", "code=\"202\"", "outcome=\"queued\""}) == 1);
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);

  const Reply status = bed.ask(get("/_jobs/" + id));
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

TEST_CASE("Prefer: respond-async goes straight to the queue, and its result is the upstream's answer byte for byte") {
  Bed bed;
  const std::string body(20'000, 'b');
  const Reply accepted =
      bed.ask(post("/later?n=7", body, "Prefer: respond-async\r\nAuthorization: secret\r\nX-Kept: yes\r\n"));
  REQUIRE(accepted.status == 202);
  CHECK(bed.upstream.seen.empty());
  const std::string id = accepted.json().at("job_id");
  const Reply early = bed.ask(get("/_jobs/" + id + "/result"));
  check_jobs_problem(bed, early, 409, "job_not_finished");
  CHECK(std::stoi(early.field("retry-after")) >= 1);

  std::string answer;
  for (int i = 0; i < 200'000; ++i) answer += static_cast<char>(i * 31 % 251);
  bed.upstream.behave({Behaviour::Kind::answer, 201, "Content-Type: image/png\r\nX-Made: by hand\r\n", answer});
  bed.start_replaying();
  until_status(bed, id, "succeeded");
  const Seen& seen = bed.upstream.seen.at(0);
  CHECK(seen.target == "/later?n=7");
  CHECK(seen.body == body);
  CHECK(seen.field("host") == "example");
  CHECK(seen.field("x-kept") == "yes");
  CHECK(seen.count("authorization") == 0);
  CHECK(seen.count("x-request-timeout-ms") == 1);

  for (int i = 0; i < 2; ++i) {
    const Reply result = bed.ask(get("/_jobs/" + id + "/result"));
    CHECK(result.status == 201);
    CHECK(result.field("content-type") == "image/png");
    CHECK(result.field("x-made") == "by hand");
    CHECK(result.body == answer);
  }
  const Reply head = bed.ask("HEAD /_jobs/" + id + "/result HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(head.whole);
  CHECK(head.field("content-length") == std::to_string(answer.size()));
  const nlohmann::json record = bed.ask(get("/_jobs/" + id)).json();
  CHECK(record.at("attempt") == 1);
  CHECK(record.at("finished_at").is_string());
  CHECK(bed.ask(get("/_jobs/" + id)).count("retry-after") == 0);
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"succeeded\""}) == 1);
}

TEST_CASE("a body of chunks is kept whole, and replayed with its length") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 503});
  const Reply accepted =
      bed.ask("POST /later HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
  REQUIRE(accepted.status == 202);
  bed.upstream.behave({});
  bed.start_replaying();
  until_status(bed, accepted.json().at("job_id"), "succeeded");
  CHECK(bed.upstream.seen.back().body == "abcdef");
  CHECK(bed.upstream.seen.back().field("content-length") == "6");
}

TEST_CASE("a job whose every attempt fails is dead, and its result says why") {
  Bed bed;
  const std::string id = park(bed);
  bed.start_replaying();
  until_status(bed, id, "dead");
  const Reply result = bed.ask(get("/_jobs/" + id + "/result"));
  check_jobs_problem(bed, result, 502, "job_failed");
  const nlohmann::json record = bed.ask(get("/_jobs/" + id)).json();
  CHECK(record.at("attempt") == 2);
  CHECK(record.at("last_error").get<std::string>().find("connect_failure") != std::string::npos);
  CHECK(record.at("position").is_null());
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"dead\""}) == 1);
  CHECK(bed.metric("tidegate_queue_depth", {"status=\"dead\""}) == 1);
}

TEST_CASE("a cancelled job never runs, and its result is gone") {
  Bed bed;
  const std::string id = park(bed);
  const std::string cancel = "DELETE /_jobs/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n";
  const Reply cancelled = bed.ask(cancel);
  CHECK(cancelled.status == 204);
  CHECK(cancelled.field("x-request-id").size() == 32);
  CHECK(status_of(bed, id) == "cancelled");
  check_jobs_problem(bed, bed.ask(get("/_jobs/" + id + "/result")), 410, "result_gone");
  check_jobs_problem(bed, bed.ask(cancel), 409, "job_conflict");
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"cancelled\""}) == 1);
}

TEST_CASE("a job that has run cannot be cancelled") {
  Bed bed;
  const std::string id = bed.ask(post("/later", "x", "Prefer: respond-async\r\n")).json().at("job_id");
  bed.start_replaying();
  until_status(bed, id, "succeeded");
  check_jobs_problem(bed, bed.ask("DELETE /_jobs/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n"), 409, "job_conflict");
  CHECK(bed.ask(get("/_jobs/" + id + "/result")).body == "hello");
}

TEST_CASE("a job that nobody knows is 404, whatever its id looks like") {
  for (const char* id :
       {"0123456789abcdef0123456789abcdef", "short", "", "../jobs", "0123456789ABCDEF0123456789ABCDEF"}) {
    CAPTURE(id);
    Bed bed;
    check_jobs_problem(bed, bed.ask(get("/_jobs/" + std::string(id))), 404, "not_found");
  }
}

TEST_CASE("the jobs interface takes GET, HEAD and DELETE only") {
  Bed bed;
  const std::string id = park(bed);
  const Reply reply = bed.ask(post("/_jobs/" + id, "x"));
  check_jobs_problem(bed, reply, 405, "method_not_allowed");
  CHECK(reply.field("allow") == "GET, HEAD, DELETE");
  CHECK(bed.ask("DELETE /_jobs/" + id + "/result HTTP/1.1\r\nHost: a\r\n\r\n").field("allow") == "GET, HEAD");
}

TEST_CASE("a queue at its limit: 503 queue_full, and room comes with what ends") {
  Bed bed;
  std::set<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.insert(park(bed));
  CHECK(ids.size() == 3);
  check_own_answer(bed, bed.ask(post("/job", "x")), {503, "queue_full", "job", "POST", true});
  CHECK(bed.ask("DELETE /_jobs/" + *ids.begin() + " HTTP/1.1\r\nHost: a\r\n\r\n").status == 204);
  park(bed);
}

TEST_CASE("a store that cannot make it durable: 503 queue_unavailable, never a 202") {
  Bed bed;
  bed.close_queue();
  check_own_answer(bed, bed.ask(post("/job", "x")), {503, "queue_unavailable", "job", "POST", true});
}

TEST_CASE("a job's status cannot be read from a store that is away: 503") {
  Bed bed;
  const std::string id = park(bed);
  bed.close_queue();
  const Reply reply = bed.ask(get("/_jobs/" + id));
  check_jobs_problem(bed, reply, 503, "queue_unavailable");
  CHECK(std::stoi(reply.field("retry-after")) >= 1);
}

TEST_CASE("a body larger than the queue takes gets the upstream's failure, not a promise") {
  Bed bed;
  check_own_answer(bed, bed.ask(post("/job", std::string(33'000, 'x'))), {502, "connect_failure", "job", "POST"});
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 0);
}

TEST_CASE("a large body with Prefer: respond-async is 413") {
  Bed bed;
  const Reply reply = bed.ask(post("/later", std::string(33'000, 'x'), "Prefer: respond-async\r\n"));
  check_own_answer(bed, reply, {413, "body_too_large", "later", "POST"});
}

TEST_CASE("a client that leaves before its 202 was promised nothing, and no job is left to run") {
  Bed bed;
  auto client = bed.client("POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  bed.until("it is parked", [&] {
    return bed.metric("tidegate_upstream_request_duration_seconds_count", {"\"dead\"", "connect_failure"}) == 1;
  });
  client->leave();
  bed.until("it is logged", [&] { return bed.logged("client_closed").size() == 1; });
  CHECK(bed.metric("tidegate_queue_depth", {"status=\"queued\""}) == 0);
}

TEST_CASE("a body that stops arriving while it is parked is 408, and no job") {
  Bed bed;
  const Reply reply = bed.ask("POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  check_own_answer(bed, reply, {408, "client_timeout", "job", "POST"});
  CHECK(bed.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 0);
}

}  // namespace tidegate::loopback
