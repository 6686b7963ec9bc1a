// The operator's interface to queues and jobs, asked over its own socket.
#include "loopback/bed.h"

namespace tidegate::loopback {

namespace {

// A Tidegate with an admin section of the test's own.
std::string with_admin(const std::string& admin) {
  std::string yaml = usual_config();
  const std::string usual = "admin: {address: 127.0.0.1:0}";
  return yaml.replace(yaml.find(usual), usual.size(), "admin: {address: 127.0.0.1:0, " + admin + "}");
}

std::string erase(std::string_view target, std::string_view fields = "", const std::string& host = "tidegate.test") {
  return "DELETE " + std::string(target) + " HTTP/1.1\r\nHost: " + host + "\r\n" + std::string(fields) + "\r\n";
}

std::string replay_of(const std::string& id) { return "/api/queues/jobs/jobs/" + id + "/replay"; }

std::string park(Bed& bed, const std::string& target = "/job") {
  const Reply reply = bed.ask(post(target, "work"));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

nlohmann::json job(Bed& bed, const std::string& id) { return bed.admin("/api/queues/jobs/jobs/" + id).json(); }

void until_status(Bed& bed, const std::string& id, const std::string& status) {
  for (int i = 0; i < 4000; ++i) {
    if (job(bed, id).at("status") == status) return;
  }
  FAIL("job " << id << " never became " << status);
}

// A job whose upstream is away, and its attempts used up.
std::string dead_job(Bed& bed) {
  const std::string id = park(bed, "/later");
  bed.start_replaying();
  until_status(bed, id, "dead");
  return id;
}

void check_refused(const Reply& reply, int status, const std::string& reason) {
  CHECK(reply.status == status);
  CHECK(reply.field("content-type") == "application/problem+json");
  CHECK(reply.json().at("reason") == reason);
  CHECK(reply.json().at("instance") == reply.field("x-request-id"));
}

size_t lines_with(const Bed& bed, const std::string& what) {
  return static_cast<size_t>(std::count_if(
      bed.log.begin(), bed.log.end(), [&](const std::string& line) { return line.find(what) != std::string::npos; }));
}

}  // namespace

TEST_CASE("queues are listed with their depth and why they are not to be had") {
  Bed bed;
  park(bed);
  const nlohmann::json queues = bed.admin("/api/queues").json().at("queues");
  REQUIRE(queues.size() == 1);
  CHECK(queues[0].at("name") == "jobs");
  CHECK(queues[0].at("available") == true);
  CHECK(queues[0].at("why_unavailable").is_null());
  CHECK(queues[0].at("bulk_replay").is_null());
  bed.close_queue();
  const nlohmann::json closed = bed.admin("/api/queues").json().at("queues")[0];
  CHECK(closed.at("available") == false);
  CHECK(closed.at("why_unavailable").is_string());
}

TEST_CASE("jobs are listed in pages, by status and by error") {
  Bed bed;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(park(bed));
  const nlohmann::json first = bed.admin("/api/queues/jobs/jobs?limit=2").json();
  REQUIRE(first.at("jobs").size() == 2);
  CHECK(first.at("jobs")[0].at("job_id") == ids[0]);
  CHECK(first.at("jobs")[0].at("method") == "POST");
  CHECK(first.at("jobs")[0].at("target") == "/job");
  CHECK(first.at("jobs")[0].at("body_bytes") == 4);
  REQUIRE(first.at("next").is_string());
  const nlohmann::json second =
      bed.admin("/api/queues/jobs/jobs?limit=2&after=" + first.at("next").get<std::string>()).json();
  REQUIRE(second.at("jobs").size() == 1);
  CHECK(second.at("jobs")[0].at("job_id") == ids[2]);
  CHECK(second.at("next").is_null());
  CHECK(bed.admin("/api/queues/jobs/jobs?status=queued").json().at("jobs").size() == 3);
  CHECK(bed.admin("/api/queues/jobs/jobs?status=dead").json().at("jobs").empty());
  CHECK(bed.admin("/api/queues/jobs/jobs?error=%35%303").json().at("jobs").empty());
}

TEST_CASE("a dead job tells its history, is replayed once more, and purged") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 503});
  const std::string id = dead_job(bed);
  const nlohmann::json dead = job(bed, id);
  CHECK(dead.at("history").size() == 2);
  CHECK(dead.at("last_error").get<std::string>().find("503") != std::string::npos);
  CHECK(bed.admin("/api/queues/jobs/jobs?status=dead&error=503").json().at("jobs").size() == 1);

  bed.upstream.behave({Behaviour::Kind::answer, 200});
  const Reply replayed = bed.ask_admin(post(replay_of(id), R"({"reason":"mended"})", "X-Operator: ada\r\n"));
  CHECK(replayed.status == 200);
  CHECK(replayed.json().at("done") == "replayed");
  CHECK(lines_with(bed, "\"mended\"") == 1);
  CHECK(lines_with(bed, "\"ada\"") == 1);
  until_status(bed, id, "succeeded");

  check_refused(bed.ask_admin(post(replay_of(id), "")), 409, "job_conflict");
  CHECK(bed.ask_admin(erase("/api/queues/jobs/jobs/" + id)).json().at("done") == "purged");
  check_refused(bed.admin("/api/queues/jobs/jobs/" + id), 404, "not_found");
}

TEST_CASE("a waiting job is cancelled by the same word that purges one that has ended") {
  Bed bed;
  const std::string id = park(bed);
  CHECK(bed.ask_admin(erase("/api/queues/jobs/jobs/" + id)).json().at("done") == "cancelled");
  CHECK(job(bed, id).at("status") == "cancelled");
  CHECK(bed.ask_admin(erase("/api/queues/jobs/jobs/" + id)).json().at("done") == "purged");
}

TEST_CASE("many dead jobs are replayed in the background, one replay at a time, and can be stopped") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 503});
  const std::string first = park(bed, "/later"), second = park(bed, "/later");
  bed.start_replaying();
  until_status(bed, first, "dead");
  until_status(bed, second, "dead");
  bed.upstream.behave({Behaviour::Kind::answer, 200});

  const Reply slow = bed.ask_admin(post("/api/queues/jobs/replay", R"({"rate":"1/h","error":"503"})"));
  CHECK(slow.status == 202);
  CHECK(slow.json().at("running") == true);
  check_refused(bed.ask_admin(post("/api/queues/jobs/replay", "")), 409, "replay_running");
  CHECK(bed.ask_admin(erase("/api/queues/jobs/replay")).json().at("why") == "stopped by an operator");
  check_refused(bed.ask_admin(erase("/api/queues/jobs/replay")), 404, "not_found");

  CHECK(bed.ask_admin(post("/api/queues/jobs/replay", R"({"rate":"1000/s","status":"dead","limit":1})")).status == 202);
  until_status(bed, first, "succeeded");
  CHECK(job(bed, second).at("status") == "dead");
  bed.until("the end of the replay", [&] { return lines_with(bed, "bulk_replay_ended") == 2; });
  CHECK(bed.admin("/api/queues").json().at("queues")[0].at("bulk_replay").at("why") == "limit reached");
}

TEST_CASE("many jobs are purged by a status that was named, and no other") {
  Bed bed;
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(park(bed));
  for (int i = 0; i < 2; ++i) bed.ask_admin(erase("/api/queues/jobs/jobs/" + ids[static_cast<size_t>(i)]));
  check_refused(bed.ask_admin(erase("/api/queues/jobs/jobs")), 400, "bad_request");
  check_refused(bed.ask_admin(erase("/api/queues/jobs/jobs?status=queued")), 400, "bad_request");
  CHECK(bed.ask_admin(erase("/api/queues/jobs/jobs?status=dead")).json().at("purged") == 0);
  const nlohmann::json one = bed.ask_admin(erase("/api/queues/jobs/jobs?status=cancelled&limit=1")).json();
  CHECK(one.at("purged") == 1);
  CHECK(one.at("more") == true);
  const nlohmann::json rest = bed.ask_admin(erase("/api/queues/jobs/jobs?status=cancelled")).json();
  CHECK(rest.at("purged") == 1);
  CHECK(rest.at("more") == false);
  CHECK(job(bed, ids[2]).at("status") == "queued");
}

TEST_CASE("only who knows the token changes anything; looking needs none") {
  Bed bed(with_admin("token: s3same"));
  const std::string id = park(bed);
  const std::string target = "/api/queues/jobs/jobs/" + id;
  for (const char* wrong :
       {"", "Authorization: Bearer s3sam\r\n", "Authorization: Bearer s3samE\r\n", "Authorization: Bearer s3samee\r\n",
        "Authorization: Bearer \r\n", "Authorization: Basic s3same\r\n",
        "Authorization: Bearer x\r\nAuthorization: Bearer s3same\r\n"}) {
    CAPTURE(wrong);
    const Reply reply = bed.ask_admin(erase(target, wrong));
    check_refused(reply, 401, "unauthorized");
    CHECK(reply.field("www-authenticate") == "Bearer realm=\"tidegate\"");
  }
  CHECK(job(bed, id).at("status") == "queued");
  CHECK(lines_with(bed, "operator_refused") == 7);
  CHECK(lines_with(bed, "s3same") == 0);
  CHECK(bed.ask_admin(erase(target, "Authorization: bearer s3same\r\n")).json().at("done") == "cancelled");
}

TEST_CASE("a page of another site changes nothing") {
  Bed bed;
  const std::string target = "/api/queues/jobs/jobs/" + park(bed);
  for (const char* origin : {"http://evil.example", "null", "http://tidegate.test.evil", "tidegate.test", ""}) {
    CAPTURE(origin);
    check_refused(bed.ask_admin(erase(target, "Origin: " + std::string(origin) + "\r\n")), 403, "cross_site");
  }
  CHECK(bed.ask_admin(erase(target, "Origin: http://LocalHost:9901\r\n", "localhost:9901")).status == 200);
}

TEST_CASE("a page whose name was made to lead here changes nothing without a token") {
  Bed bed;
  const std::string target = "/api/queues/jobs/jobs/" + park(bed);
  for (const char* host : {"tidegate.test", "evil.example:9901", "localhost.evil.example", "127.0.0.1.evil.example"}) {
    CAPTURE(host);
    check_refused(bed.ask_admin(erase(target, "Origin: http://" + std::string(host) + "\r\n", host)), 403,
                  "cross_site");
  }
  CHECK(bed.ask_admin(erase(target, "Origin: http://[::1]:9901\r\n", "[::1]:9901")).json().at("done") == "cancelled");
  CHECK(bed.ask_admin(erase(target)).json().at("done") == "purged");  // no page: a tool may call it what it likes

  Bed with_token(with_admin("token: s3same"));
  const std::string other = "/api/queues/jobs/jobs/" + park(with_token);
  const std::string fields = "Origin: https://tidegate.test\r\nAuthorization: Bearer s3same\r\n";
  CHECK(with_token.ask_admin(erase(other, fields)).json().at("done") == "cancelled");
}

TEST_CASE("read_only refuses every change and shows everything") {
  Bed bed(with_admin("read_only: true"));
  const std::string id = park(bed);
  check_refused(bed.ask_admin(erase("/api/queues/jobs/jobs/" + id)), 403, "read_only");
  check_refused(bed.ask_admin(post("/api/queues/jobs/replay", "")), 403, "read_only");
  CHECK(job(bed, id).at("status") == "queued");
}

TEST_CASE("what is not there is 404, a wrong method 405 with those that are right") {
  Bed bed;
  check_refused(bed.admin("/api/queues/none/jobs"), 404, "not_found");
  check_refused(bed.admin("/api/queues/jobs/jobs/" + std::string(32, 'a')), 404, "not_found");
  check_refused(bed.admin("/api/queues/jobs/jobs/nonsense"), 404, "not_found");
  check_refused(bed.admin("/api/queues/jobs"), 404, "not_found");
  check_refused(bed.admin("/api/queues/"), 404, "not_found");
  check_refused(bed.ask_admin(post(replay_of(std::string(32, 'a')), "")), 404, "not_found");
  check_refused(bed.ask_admin(erase("/api/queues/jobs/jobs/" + std::string(32, 'a'))), 404, "not_found");
  CHECK(bed.admin("/api/queuesx").status == 404);
  const Reply wrong = bed.ask_admin(post("/api/queues/jobs/jobs", "{}"));
  check_refused(wrong, 405, "method_not_allowed");
  CHECK(wrong.field("allow") == "GET, HEAD, DELETE");
  CHECK(bed.ask_admin(get(replay_of(std::string(32, 'a')))).field("allow") == "POST");
  CHECK(bed.admin("/api/queues/jobs/replay").field("allow") == "POST, DELETE");
}

TEST_CASE("bad parameters and bodies are refused in clear words") {
  Bed bed;
  for (const char* query : {"status=ded", "limit=0", "limit=1001", "limit=x", "erorr=503", "error=%zz", "error=%5"}) {
    CAPTURE(query);
    check_refused(bed.admin("/api/queues/jobs/jobs?" + std::string(query)), 400, "bad_request");
  }
  for (const char* body :
       {"[]", "{", "\"x\"", R"({"rate":"fast"})", R"({"rate":10})", R"({"limit":0})", R"({"limit":1000000})",
        R"({"status":"queued"})", R"({"frce":true})", R"({"force":"yes"})"}) {
    CAPTURE(body);
    check_refused(bed.ask_admin(post("/api/queues/jobs/replay", body)), 400, "bad_request");
  }
  check_refused(bed.ask_admin(post("/api/queues/jobs/replay", R"({"reason":")" + std::string(1001, 'x') + "\"}")), 400,
                "bad_request");
  CHECK(bed.ask_admin(post("/api/queues/jobs/replay", std::string(100'000, ' '))).status == 413);
}

TEST_CASE("a queue that cannot be asked is 503") {
  Bed bed;
  bed.close_queue();
  check_refused(bed.admin("/api/queues/jobs/jobs"), 503, "queue_unavailable");
  check_refused(bed.ask_admin(erase("/api/queues/jobs/jobs?status=dead")), 503, "queue_unavailable");
}

}  // namespace tidegate::loopback
