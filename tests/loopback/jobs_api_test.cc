// The admin interface for queues and jobs, over its own socket.
#include "loopback/fixture.h"

namespace tidegate::loopback {

namespace {

std::string with_admin(const std::string& settings) {
  return usual_config().admin("address: 127.0.0.1:0, hosts: [example], " + settings);
}

std::string erase(std::string_view target, std::string_view fields = "", const std::string& host = "example") {
  return "DELETE " + std::string(target) + " HTTP/1.1\r\nHost: " + host + "\r\n" + std::string(fields) + "\r\n";
}

std::string get_from(const std::string& host, std::string_view target, std::string_view fields = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: " + host + "\r\n" + std::string(fields) + "\r\n";
}

std::string replay_of(const std::string& id) { return "/api/queues/jobs/jobs/" + id + "/replay"; }

std::string park_at(Fixture& fixture, const std::string& target = "/job") {
  const Reply reply = fixture.ask(post(target, "work"));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

nlohmann::json job(Fixture& fixture, const std::string& id) {
  return fixture.admin("/api/queues/jobs/jobs/" + id).json();
}

// A job whose attempts have all failed.
std::string dead_job(Fixture& fixture) {
  const std::string id = park_at(fixture, "/later");
  fixture.let_others_succeed();
  fixture.start_replaying();
  fixture.until_status(id, "dead");
  return id;
}

void check_refused(const Reply& reply, int status, const std::string& reason) {
  CHECK(reply.status == status);
  CHECK(reply.field("content-type") == "application/problem+json");
  CHECK(reply.json().at("reason") == reason);
  CHECK(reply.json().at("instance") == reply.field("x-request-id"));
}

size_t lines_with(const Fixture& fixture, const std::string& what) {
  return static_cast<size_t>(std::count_if(fixture.log.begin(), fixture.log.end(), [&](const std::string& line) {
    return line.find(what) != std::string::npos;
  }));
}

}  // namespace

TEST_CASE("queues are listed with their depth and why they are unavailable") {
  Fixture fixture;
  park_at(fixture);
  const nlohmann::json queues = fixture.admin("/api/queues").json().at("queues");
  REQUIRE(queues.size() == 1);
  CHECK(queues[0].at("name") == "jobs");
  CHECK(queues[0].at("available") == true);
  CHECK(queues[0].at("why_unavailable").is_null());
  CHECK(queues[0].at("bulk_replay").is_null());
  fixture.close_queue();
  const nlohmann::json closed = fixture.admin("/api/queues").json().at("queues")[0];
  CHECK(closed.at("available") == false);
  CHECK(closed.at("why_unavailable").is_string());
}

TEST_CASE("jobs are listed in pages, by status and by error") {
  Fixture fixture;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(park_at(fixture));
  const nlohmann::json first = fixture.admin("/api/queues/jobs/jobs?limit=2").json();
  REQUIRE(first.at("jobs").size() == 2);
  CHECK(first.at("jobs")[0].at("job_id") == ids[0]);
  CHECK(first.at("jobs")[0].at("method") == "POST");
  CHECK(first.at("jobs")[0].at("target") == "/job");
  CHECK(first.at("jobs")[0].at("body_bytes") == 4);
  REQUIRE(first.at("next").is_string());
  const nlohmann::json second =
      fixture.admin("/api/queues/jobs/jobs?limit=2&after=" + first.at("next").get<std::string>()).json();
  REQUIRE(second.at("jobs").size() == 1);
  CHECK(second.at("jobs")[0].at("job_id") == ids[2]);
  CHECK(second.at("next").is_null());
  CHECK(fixture.admin("/api/queues/jobs/jobs?status=queued").json().at("jobs").size() == 3);
  CHECK(fixture.admin("/api/queues/jobs/jobs?status=dead").json().at("jobs").empty());
  CHECK(fixture.admin("/api/queues/jobs/jobs?error=%35%303").json().at("jobs").empty());
}

TEST_CASE("a dead job shows its history, can be replayed, and can be purged") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string id = dead_job(fixture);
  const nlohmann::json dead = job(fixture, id);
  CHECK(dead.at("history").size() == 2);
  CHECK(dead.at("last_error").get<std::string>().find("503") != std::string::npos);
  CHECK(fixture.admin("/api/queues/jobs/jobs?status=dead&error=503").json().at("jobs").size() == 1);

  fixture.upstream.behave({Behaviour::Kind::respond, 200});
  const Reply replayed = fixture.ask_admin(post(replay_of(id), R"({"reason":"fixed"})", "X-Operator: ada\r\n"));
  CHECK(replayed.status == 200);
  CHECK(replayed.json().at("done") == "replayed");
  CHECK(lines_with(fixture, "\"fixed\"") == 1);
  CHECK(lines_with(fixture, "\"ada\"") == 1);
  fixture.until_status(id, "succeeded");

  check_refused(fixture.ask_admin(post(replay_of(id), "")), 409, "job_conflict");
  CHECK(fixture.ask_admin(erase("/api/queues/jobs/jobs/" + id)).json().at("done") == "purged");
  check_refused(fixture.admin("/api/queues/jobs/jobs/" + id), 404, "not_found");
}

TEST_CASE("DELETE cancels a waiting job and purges a finished one") {
  Fixture fixture;
  const std::string id = park_at(fixture);
  CHECK(fixture.ask_admin(erase("/api/queues/jobs/jobs/" + id)).json().at("done") == "cancelled");
  CHECK(job(fixture, id).at("status") == "cancelled");
  CHECK(fixture.ask_admin(erase("/api/queues/jobs/jobs/" + id)).json().at("done") == "purged");
}

TEST_CASE("many dead jobs are replayed in the background, one replay at a time, and can be stopped") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  const std::string first = park_at(fixture, "/later"), second = park_at(fixture, "/later");
  fixture.let_others_succeed();
  fixture.start_replaying();
  fixture.until_status(first, "dead");
  fixture.until_status(second, "dead");
  fixture.upstream.behave({Behaviour::Kind::respond, 200});

  const Reply slow = fixture.ask_admin(post("/api/queues/jobs/replay", R"({"rate":"1/h","error":"503"})"));
  CHECK(slow.status == 202);
  CHECK(slow.json().at("running") == true);
  check_refused(fixture.ask_admin(post("/api/queues/jobs/replay", "")), 409, "replay_running");
  CHECK(fixture.ask_admin(erase("/api/queues/jobs/replay")).json().at("why") == "stopped by an operator");
  check_refused(fixture.ask_admin(erase("/api/queues/jobs/replay")), 404, "not_found");

  CHECK(fixture.ask_admin(post("/api/queues/jobs/replay", R"({"rate":"1000/s","status":"dead","limit":1})")).status ==
        202);
  fixture.until_status(first, "succeeded");
  CHECK(job(fixture, second).at("status") == "dead");
  fixture.until("the end of the replay", [&] { return lines_with(fixture, "bulk_replay_ended") == 2; });
  CHECK(fixture.admin("/api/queues").json().at("queues")[0].at("bulk_replay").at("why") == "limit reached");
}

TEST_CASE("purging many jobs requires a final status, and deletes only jobs with it") {
  Fixture fixture;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(park_at(fixture));
  for (int i = 0; i < 2; ++i) fixture.ask_admin(erase("/api/queues/jobs/jobs/" + ids[static_cast<size_t>(i)]));
  check_refused(fixture.ask_admin(erase("/api/queues/jobs/jobs")), 400, "bad_request");
  check_refused(fixture.ask_admin(erase("/api/queues/jobs/jobs?status=queued")), 400, "bad_request");
  CHECK(fixture.ask_admin(erase("/api/queues/jobs/jobs?status=dead")).json().at("purged") == 0);
  const nlohmann::json one = fixture.ask_admin(erase("/api/queues/jobs/jobs?status=cancelled&limit=1")).json();
  CHECK(one.at("purged") == 1);
  CHECK(one.at("more") == true);
  const nlohmann::json rest = fixture.ask_admin(erase("/api/queues/jobs/jobs?status=cancelled")).json();
  CHECK(rest.at("purged") == 1);
  CHECK(rest.at("more") == false);
  CHECK(job(fixture, ids[2]).at("status") == "queued");
}

TEST_CASE("changes, and what shows the ids of jobs, require the token; health, metrics and states do not") {
  Fixture fixture(with_admin("token: s3same"));
  const std::string id = park_at(fixture);
  const std::string target = "/api/queues/jobs/jobs/" + id;
  for (const char* wrong :
       {"", "Authorization: Bearer s3sam\r\n", "Authorization: Bearer s3samE\r\n", "Authorization: Bearer s3samee\r\n",
        "Authorization: Bearer \r\n", "Authorization: Basic s3same\r\n",
        "Authorization: Bearer x\r\nAuthorization: Bearer s3same\r\n"}) {
    CAPTURE(wrong);
    for (const std::string& request : {erase(target, wrong), get(target, wrong)}) {
      const Reply reply = fixture.ask_admin(request);
      check_refused(reply, 401, "unauthorized");
      CHECK(reply.field("www-authenticate") == "Bearer realm=\"tidegate\"");
    }
  }
  for (const char* each : {"/api/queues", "/api/queues/jobs/jobs"}) {
    check_refused(fixture.admin(each), 401, "unauthorized");
    CHECK(fixture.ask_admin(get(each, "Authorization: Bearer s3same\r\n")).status == 200);
  }
  for (const char* each : {"/health", "/ready", "/metrics", "/api/status"}) CHECK(fixture.admin(each).status == 200);
  CHECK(fixture.ask_admin(get(target, "Authorization: Bearer s3same\r\n")).json().at("status") == "queued");
  CHECK(lines_with(fixture, "operator_refused") == 16);
  CHECK(lines_with(fixture, "s3same") == 0);
  CHECK(fixture.ask_admin(erase(target, "Authorization: bearer s3same\r\n")).json().at("done") == "cancelled");
}

TEST_CASE("a page of another site changes nothing") {
  Fixture fixture;
  const std::string target = "/api/queues/jobs/jobs/" + park_at(fixture);
  for (const char* origin : {"http://evil.example", "null", "http://example.evil", "example", ""}) {
    CAPTURE(origin);
    check_refused(fixture.ask_admin(erase(target, "Origin: " + std::string(origin) + "\r\n")), 403, "cross_site");
  }
  CHECK(fixture.ask_admin(erase(target, "Origin: http://LocalHost:9901\r\n", "localhost:9901")).status == 200);
}

TEST_CASE("a page whose DNS name resolves to this machine reads and changes nothing without the token") {
  Fixture fixture;
  const std::string target = "/api/queues/jobs/jobs/" + park_at(fixture);
  for (const char* host : {"tidegate.test", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil.example"}) {
    CAPTURE(host);
    check_refused(fixture.ask_admin(erase(target, "Origin: http://" + std::string(host) + "\r\n", host)), 421,
                  "foreign_host");
    for (const std::string& each :
         {target, std::string("/api/queues/jobs/jobs"), std::string("/api/queues"), std::string("/api/status")}) {
      check_refused(fixture.ask_admin(get_from(host, each)), 421, "foreign_host");
    }
  }
  for (const char* host : {"127.0.0.1", "[::1]:9901", "10.1.2.3:80", "LOCALHOST:1", "Example.:9901"}) {
    CAPTURE(host);
    CHECK(fixture.ask_admin(get_from(host, target)).json().at("status") == "queued");
  }
  CHECK(fixture.ask_admin(erase(target, "Origin: http://[::1]:9901\r\n", "[::1]:9901")).json().at("done") ==
        "cancelled");

  Fixture with_token(with_admin("token: s3same"));
  const std::string other = "/api/queues/jobs/jobs/" + park_at(with_token);
  const std::string token = "Authorization: Bearer s3same\r\n";
  CHECK(with_token.ask_admin(get_from("tidegate.test", other, token)).json().at("status") == "queued");
  check_refused(with_token.ask_admin(get_from("tidegate.test", other)), 421, "foreign_host");
  CHECK(with_token.ask_admin(erase(other, "Origin: https://tidegate.test\r\n" + token, "tidegate.test"))
            .json()
            .at("done") == "cancelled");
}

TEST_CASE("probes and Prometheus come by whatever name") {
  Fixture fixture;
  for (const char* path : {"/health", "/ready", "/metrics"}) {
    CHECK(fixture.ask_admin(get_from("watermark.default.svc:9901", path)).status == 200);
  }
}

TEST_CASE("read_only refuses changes and allows reading") {
  Fixture fixture(with_admin("read_only: true"));
  const std::string id = park_at(fixture);
  check_refused(fixture.ask_admin(erase("/api/queues/jobs/jobs/" + id)), 403, "read_only");
  check_refused(fixture.ask_admin(post("/api/queues/jobs/replay", "")), 403, "read_only");
  CHECK(job(fixture, id).at("status") == "queued");
}

TEST_CASE("an unknown path is 404, and a wrong method is 405 with the allowed ones") {
  Fixture fixture;
  check_refused(fixture.admin("/api/queues/none/jobs"), 404, "not_found");
  check_refused(fixture.admin("/api/queues/jobs/jobs/" + std::string(32, 'a')), 404, "not_found");
  check_refused(fixture.admin("/api/queues/jobs/jobs/nonsense"), 404, "not_found");
  check_refused(fixture.admin("/api/queues/jobs"), 404, "not_found");
  check_refused(fixture.admin("/api/queues/"), 404, "not_found");
  check_refused(fixture.ask_admin(post(replay_of(std::string(32, 'a')), "")), 404, "not_found");
  check_refused(fixture.ask_admin(erase("/api/queues/jobs/jobs/" + std::string(32, 'a'))), 404, "not_found");
  CHECK(fixture.admin("/api/queuesx").status == 404);
  const Reply wrong = fixture.ask_admin(post("/api/queues/jobs/jobs", "{}"));
  check_refused(wrong, 405, "method_not_allowed");
  CHECK(wrong.field("allow") == "GET, HEAD, DELETE");
  CHECK(fixture.ask_admin(get(replay_of(std::string(32, 'a')))).field("allow") == "POST");
  CHECK(fixture.admin("/api/queues/jobs/replay").field("allow") == "POST, DELETE");
}

TEST_CASE("invalid parameters and bodies are refused") {
  Fixture fixture;
  for (const char* query : {"status=ded", "limit=0", "limit=1001", "limit=x", "erorr=503", "error=%zz", "error=%5"}) {
    CAPTURE(query);
    check_refused(fixture.admin("/api/queues/jobs/jobs?" + std::string(query)), 400, "bad_request");
  }
  for (const char* body :
       {"[]", "{", "\"x\"", R"({"rate":"fast"})", R"({"rate":10})", R"({"limit":0})", R"({"limit":1000000})",
        R"({"status":"queued"})", R"({"frce":true})", R"({"force":"yes"})"}) {
    CAPTURE(body);
    check_refused(fixture.ask_admin(post("/api/queues/jobs/replay", body)), 400, "bad_request");
  }
  check_refused(fixture.ask_admin(post("/api/queues/jobs/replay", R"({"reason":")" + std::string(1001, 'x') + "\"}")),
                400, "bad_request");
  CHECK(fixture.ask_admin(post("/api/queues/jobs/replay", std::string(100'000, ' '))).status == 413);
}

TEST_CASE("an unavailable queue is 503") {
  Fixture fixture;
  fixture.close_queue();
  check_refused(fixture.admin("/api/queues/jobs/jobs"), 503, "queue_unavailable");
  check_refused(fixture.ask_admin(erase("/api/queues/jobs/jobs?status=dead")), 503, "queue_unavailable");
}

}  // namespace tidegate::loopback
