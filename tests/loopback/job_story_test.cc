// What an operator and a client find out about a job: when it is attempted next, what its result was, and its lines in
// the log, by one id.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

// Jobs of an upstream that nobody serves, behind a breaker that its first failure opens for a minute.
std::string behind_a_breaker(const std::string& job_ttl = "24h") {
  return test::ConfigBuilder()
      .upstream("broken", R"(endpoints: ["http://127.0.0.1:1"],
                breaker: {consecutive_failures: 1, failure_ratio: 0, open_for: 60s, open_for_max: 60s})")
      .queue("jobs",
             "url: 'sqlite://{DIR}/jobs.db', replay: {backoff: {base: 20ms, max: 20ms, jitter: none}}, job_ttl: " +
                 job_ttl)
      .route("job", "match: {path: /job*}, upstream: broken, fallback: {enqueue: {queue: jobs}}");
}

std::string accepted_job(Fixture& fixture, const std::string& target, const std::string& fields = "") {
  const Reply reply = fixture.ask(post(target, "work", fields));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

nlohmann::json of_operator(Fixture& fixture, const std::string& id) {
  return fixture.admin("/api/queues/jobs/jobs/" + id).json();
}

nlohmann::json of_client(Fixture& fixture, const std::string& id) { return fixture.ask(get("/_jobs/" + id)).json(); }

// The lines of the log that have `text`, as JSON.
std::vector<nlohmann::json> lines_of_log(const Fixture& fixture, const std::string& text) {
  std::vector<nlohmann::json> found;
  for (const std::string& line : fixture.log) {
    if (line.find(text) != std::string::npos) found.push_back(nlohmann::json::parse(line));
  }
  return found;
}

}  // namespace

TEST_CASE("a job that waits for a breaker says so, and when that lets a probe through, to operators and to clients") {
  Fixture fixture(behind_a_breaker());
  const std::string id = accepted_job(fixture, "/job");
  const std::string now = fixture.admin("/api/status").json().at("now");
  const std::string probe = fixture.admin("/api/status").json().at("breakers").at(0).at("next_probe_at");
  const auto check = [&](const nlohmann::json& job) {
    REQUIRE(job.at("next_attempt_at").is_string());
    CHECK(job.at("next_attempt_at").get<std::string>() > now);
    CHECK(job.at("next_attempt_at").get<std::string>().substr(0, 16) == probe.substr(0, 16));  // the minute
  };
  const nlohmann::json shown = of_operator(fixture, id);
  check(shown);
  const std::string next = shown.at("next");
  CHECK(next.starts_with("it waits for the breaker of upstream broken, which lets a probe through at "));
  check(fixture.admin("/api/queues/jobs/jobs").json().at("jobs").at(0));
  const Reply polled = fixture.ask(get("/_jobs/" + id));
  check(polled.json());
  CHECK(std::stoi(polled.field("retry-after")) > 50);
}

TEST_CASE("a job that expires before its breaker lets a probe through says so") {
  Fixture fixture(behind_a_breaker("30s"));
  const nlohmann::json job = of_operator(fixture, accepted_job(fixture, "/job"));
  CHECK(job.at("next_attempt_at").is_null());
  CHECK(job.at("next") == "it expires at " + job.at("expires_at").get<std::string>() + ", before its next attempt");
}

TEST_CASE("no job is shown an attempt in the past") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = accepted_job(fixture, "/later", "Prefer: respond-async\r\n");
  const nlohmann::json due = of_operator(fixture, id);
  CHECK(due.at("status") == "queued");
  CHECK(due.at("next_attempt_at").is_null());
  CHECK(due.at("next") == "it is attempted as soon as its turn comes");
  fixture.gateway().set_draining();
  CHECK(of_operator(fixture, id).at("next") == "it is attempted after the next start: the process is stopping");
  CHECK(of_client(fixture, id).at("next_attempt_at").is_null());
}

TEST_CASE("a job whose request has just failed says when it is attempted, and so does the poll") {
  Fixture fixture(test::ConfigBuilder()
                      .upstream("up", R"(endpoints: ["{UP}"])")
                      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db",
                             replay: {backoff: {base: 120s, max: 120s, jitter: none}})")
                      .route("later",
                             "match: {path: /later*}, upstream: up, fallback: {on: [503], enqueue: {queue: "
                             "jobs}}"));
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = accepted_job(fixture, "/later");
  const nlohmann::json due = of_operator(fixture, id);
  CHECK(due.at("status") == "queued");
  REQUIRE(due.at("next_attempt_at").is_string());
  CHECK(due.at("next") == "it is attempted at " + due.at("next_attempt_at").get<std::string>());
  const auto polled = fixture.ask("GET /_jobs/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(polled.json().at("next_attempt_at") == due.at("next_attempt_at"));
  CHECK(std::stoi(polled.field("retry-after")) > 100);
}

TEST_CASE("a job that is retried says when, and a job that has ended has no next attempt") {
  Fixture fixture(test::ConfigBuilder()
                      .upstream("up", R"(endpoints: ["{UP}"])")
                      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db",
                             replay: {backoff: {base: 60s, max: 60s, jitter: none}})")
                      .route("later",
                             "match: {path: /later*}, upstream: up, fallback: {on: [503], enqueue: {queue: "
                             "jobs}}"));
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = accepted_job(fixture, "/later", "Prefer: respond-async\r\n");
  fixture.start_replaying();
  fixture.until_status(id, "retrying");
  const nlohmann::json retrying = of_operator(fixture, id);
  CHECK(retrying.at("next_attempt_at").get<std::string>() > fixture.admin("/api/status").json().at("now"));
  CHECK(retrying.at("next") == "it is attempted at " + retrying.at("next_attempt_at").get<std::string>());
  CHECK(of_client(fixture, id).at("next_attempt_at") == retrying.at("next_attempt_at"));
  REQUIRE(fixture.ask("DELETE /_jobs/" + id + " HTTP/1.1\r\nHost: a\r\n\r\n").status == 204);
  CHECK(of_operator(fixture, id).at("next").is_null());
  CHECK(of_operator(fixture, id).at("next_attempt_at").is_null());
}

TEST_CASE("the status of the response that is a job's result is shown, in the list, the record, the poll and the log") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = accepted_job(fixture, "/later");
  CHECK(of_operator(fixture, id).at("result_status").is_null());
  CHECK(of_client(fixture, id).at("result_status").is_null());
  fixture.upstream.behave({Behaviour::Kind::respond, 404});
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  CHECK(of_operator(fixture, id).at("result_status") == 404);
  CHECK(fixture.admin("/api/queues/jobs/jobs").json().at("jobs").at(0).at("result_status") == 404);
  CHECK(of_client(fixture, id).at("result_status") == 404);
  const auto lines = lines_of_log(fixture, "\"job_succeeded\"");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("result_status") == 404);
}

TEST_CASE("the request of a job and each of its attempts are found in the log by either id, also after a restart") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = accepted_job(fixture, "/later");
  const auto accepted = fixture.logged("queued");
  REQUIRE(accepted.size() == 1);
  CHECK(accepted[0].at("job_id") == id);
  const std::string request_id = accepted[0].at("request_id");
  CHECK(request_id.size() == 32);

  fixture.restart();
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  fixture.let_others_succeed();
  fixture.start_replaying();
  fixture.until_status(id, "dead");
  for (const char* event : {"job_retried", "job_dead"}) {
    CAPTURE(event);
    const auto lines = lines_of_log(fixture, std::string("\"") + event + '"');
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].at("job_id") == id);
    CHECK(lines[0].at("request_id") == request_id);
  }
}

TEST_CASE(
    "the log has a waiting request's job as accepted before its attempts, which come before the request's own line") {
  Fixture fixture;
  fixture.start_replaying();
  const Reply reply = fixture.ask(post("/later", "work", "Prefer: respond-async, wait=20\r\n"));
  CHECK(reply.status == 200);
  const std::string request_id = fixture.logged("responded").at(0).at("request_id");
  std::vector<std::string> events;
  for (const nlohmann::json& line : lines_of_log(fixture, request_id)) {
    events.push_back(line.at("event"));
    CHECK(line.at("job_id") == fixture.logged("responded").at(0).at("job_id"));
  }
  CHECK(events == std::vector<std::string>{"job_accepted", "job_succeeded", "request"});
}

TEST_CASE("a request that becomes no job has no job_id in the log, one about a job has that one's") {
  Fixture fixture;
  CHECK(fixture.ask(get("/plain")).status == 200);
  CHECK(fixture.logged("proxied").at(0).at("job_id") == "");
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = accepted_job(fixture, "/later");
  of_client(fixture, id);
  CHECK(fixture.logged("responded").back().at("job_id") == id);
}

}  // namespace tidegate::loopback
