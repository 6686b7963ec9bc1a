// An upload that Tidegate keeps for later: from the 202 to its picture, or to its failure.
#include <fstream>

#include "api/upload/key.h"
#include "unit/api/rig.h"

namespace tidegate::api::test {

namespace {

using Answer = ScriptedTidegate::Answer;
using Seen = ScriptedTidegate::Seen;

constexpr char kKept[] =
    R"({"job_id":"12ab","status":"queued","status_url":"/_jobs/12ab","result_url":"/_jobs/12ab/result","retry_after":7})";

// Tidegate with one job, whose status and result a test sets.
struct JobRig : Rig {
  JobRig() {
    tidegate->answer = [this](const Seen& seen) -> std::optional<Answer> {
      if (seen.method == "POST") return Answer{202, "application/json", kKept, "Retry-After: 7\r\n"};
      if (seen.target == "/_jobs/12ab") return status;
      if (seen.target == "/_jobs/12ab/result") return result;
      return Answer{404, "", "", ""};
    };
  }

  void set(const std::string& word, const std::string& more = "") {
    status = {200, "application/json", R"({"job_id":"12ab","status":")" + word + "\"" + more + "}",
              "Retry-After: 3\r\n"};
  }
  std::string status_word() { return value_of(get("/status/" + key), "status"); }

  Answer status{404, "", "", ""};
  Answer result{409, "", "", ""};
  const std::string key = key_of(a_png(), "NWS", "bottom-right");
};

}  // namespace

TEST_CASE("a job is promised with where to ask for it") {
  JobRig rig;
  const auto answer = rig.upload();
  CHECK(answer.status == 202);
  CHECK(value_of(answer, "job_id") == "12ab");
  CHECK(value_of(answer, "key") == rig.key);
  CHECK(value_of(answer, "status_url") == "/status/" + rig.key);
  CHECK(answer.field("Location") == "/status/" + rig.key);
  CHECK(answer.field("Retry-After") == "7");
}

TEST_CASE("no job is promised that could not be written down") {
  JobRig rig;
  std::filesystem::remove_all(rig.state() / "jobs");
  std::ofstream(rig.state() / "jobs") << "in the way";
  CHECK(rig.upload().status == 503);
}

TEST_CASE("a job's states are told as they come, and its picture in the end") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.set("queued", R"(,"attempt":0,"max_attempts":5,"next_attempt_at":null,"last_error":null)");
  const auto queued = rig.get("/status/" + rig.key);
  CHECK(value_of(queued, "status") == "queued");
  CHECK(value_of(queued, "attempt") == "0");
  CHECK(value_of(queued, "url") == "null");
  CHECK(queued.field("Retry-After") == "3");
  rig.set("running", R"(,"attempt":1)");
  CHECK(rig.status_word() == "processing");
  rig.set("retrying",
          R"(,"attempt":1,"max_attempts":5,"next_attempt_at":"2026-11-24T02:00:00.000Z","last_error":"503")");
  const auto retrying = rig.get("/status/" + rig.key);
  CHECK(value_of(retrying, "status") == "retrying");
  CHECK(value_of(retrying, "next_attempt_at") == "2026-11-24T02:00:00.000Z");
  CHECK(value_of(retrying, "error") == "503");
  const auto early = rig.get("/images/" + rig.key);
  CHECK(early.status == 409);
  CHECK(early.field("Retry-After") == "3");

  rig.set("succeeded");
  rig.result = {200, "image/png", marked_png(), ""};
  const auto done = rig.get("/status/" + rig.key);
  CHECK(value_of(done, "status") == "done");
  CHECK(value_of(done, "url") == "/images/" + rig.key);
  CHECK(value_of(done, "error") == "null");
  CHECK(rig.get("/images/" + rig.key).body == marked_png());
  CHECK(rig.upload().field("X-Cache") == "HIT");
  CHECK(rig.tidegate->count("POST") == 1);
}

TEST_CASE("a finished picture is fetched by whoever asks for it first") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.set("succeeded");
  rig.result = {200, "image/png", marked_png(), ""};
  CHECK(rig.get("/images/" + rig.key).body == marked_png());
  rig.tidegate.reset();
  rig.restart();  // it was brought home
  CHECK(rig.get("/images/" + rig.key).body == marked_png());
  CHECK(rig.status_word() == "done");
}

TEST_CASE("a job carries the original by reference where the store gives URLs, and the live attempt the picture") {
  JobRig rig;
  rig.store->url_base = "http://objects:9000/watermark/";
  rig.settings().presign_ttl = 25h;
  REQUIRE(rig.upload().status == 202);
  REQUIRE(rig.tidegate->seen.size() == 1);
  CHECK(rig.tidegate->seen[0].fields["Tidegate-Body-Ref"] ==
        "http://objects:9000/watermark/originals/" + rig.key + "?seconds=90000");
  CHECK(rig.tidegate->seen[0].fields["Idempotency-Key"] == rig.key);
  CHECK(rig.tidegate->seen[0].body == a_png());
  rig.store->url_base = "";
  REQUIRE(rig.upload("other").status == 202);
  CHECK(rig.tidegate->seen.back().fields.count("Tidegate-Body-Ref") == 0);
}

TEST_CASE("a restart does not forget a job") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.restart();
  rig.set("running");
  CHECK(rig.status_word() == "processing");
  CHECK(value_of(rig.upload(), "job_id") == "12ab");
  CHECK(rig.tidegate->count("POST") == 1);
}

TEST_CASE("an upload whose job is under way is the same job; one whose job is lost is sent anew") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  size_t sent = 1;
  for (const char* word : {"queued", "running", "retrying"}) {
    CAPTURE(word);
    rig.set(word);
    const auto answer = rig.upload();
    CHECK(answer.status == 202);
    CHECK(value_of(answer, "job_id") == "12ab");
    CHECK(answer.field("Retry-After") == "3");
    CHECK(rig.tidegate->count("POST") == sent);
  }
  for (const char* word : {"dead", "cancelled", "expired"}) {
    CAPTURE(word);
    rig.set(word);
    CHECK(rig.upload().status == 202);
    CHECK(rig.tidegate->count("POST") == ++sent);
  }
  rig.status = {404, "", "", ""};
  CHECK(rig.upload().status == 202);
  CHECK(rig.tidegate->count("POST") == ++sent);
}

TEST_CASE("a lost job has failed, and why is said") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.set("dead", R"(,"attempt":5,"max_attempts":5,"last_error":"timeout")");
  const auto dead = rig.get("/status/" + rig.key);
  CHECK(dead.status == 200);
  CHECK(value_of(dead, "status") == "failed");
  CHECK(value_of(dead, "error").find("timeout") != std::string::npos);
  for (const char* word : {"cancelled", "expired"}) {
    rig.set(word);
    CHECK(rig.status_word() == "failed");
  }
  for (const uint16_t status : {404, 410}) {
    rig.status = {status, "", "", ""};
    CHECK(rig.status_word() == "failed");
  }
  CHECK(rig.get("/images/" + rig.key).status == 404);
}

TEST_CASE("a job that was answered with an error has failed with its sentence") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.set("succeeded");
  rig.result = {400, "application/problem+json", R"({"detail":"The image is damaged."})", ""};
  const auto failed = rig.get("/status/" + rig.key);
  CHECK(value_of(failed, "status") == "failed");
  CHECK(value_of(failed, "error") == "The image is damaged.");
  rig.result = {200, "text/html", "<html>", ""};
  CHECK(rig.status_word() == "failed");
  rig.result = {410, "", "", ""};
  CHECK(rig.status_word() == "failed");
}

TEST_CASE("while Tidegate cannot be asked nothing is said to have failed") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.status = {503, "application/problem+json", R"({"reason":"queue_unavailable"})", "Retry-After: 9\r\n"};
  const auto answer = rig.get("/status/" + rig.key);
  CHECK(answer.status == 503);
  CHECK(answer.field("Retry-After") == "9");
  rig.status = {200, "text/plain", "nonsense", ""};
  const auto nonsense = rig.get("/status/" + rig.key);
  CHECK(nonsense.status == 503);
  CHECK(value_of(nonsense, "reason") == "tidegate_unavailable");
  CHECK(nonsense.field("Retry-After") == "2");
  rig.set("succeeded");
  rig.result = {503, "", "", ""};
  CHECK(rig.get("/status/" + rig.key).status == 503);
  CHECK(rig.upload().status == 503);
  CHECK(rig.tidegate->count("POST") == 1);
  rig.tidegate.reset();
  for (const std::string path : {"/status/", "/images/"}) {
    CHECK(rig.get(path + rig.key).status == 503);
    CHECK(rig.get(path + rig.key).field("Retry-After") == "2");
  }
}

TEST_CASE("while the store is away nothing is said to have failed") {
  JobRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.set("dead");
  rig.store->mood = Mood::away;
  const auto answer = rig.get("/status/" + rig.key);
  CHECK(answer.status == 503);
  CHECK(value_of(answer, "reason") == "store_unavailable");
  CHECK(answer.field("Retry-After") == "10");
  rig.store->mood = Mood::well;
  CHECK(rig.status_word() == "failed");
}

TEST_CASE("an upload that has not been answered is being processed, and so is one sent again") {
  JobRig rig;
  const auto answer = rig.tidegate->answer;
  rig.tidegate->answer = nullptr;
  const auto first = rig.begin_upload(Rig::form("NWS"));
  rig.until([&] { return rig.tidegate->held() == 1; });
  const auto status = rig.get("/status/" + rig.key);
  CHECK(value_of(status, "status") == "processing");
  CHECK(status.field("Retry-After") == "2");
  rig.tidegate->release({202, "application/json", kKept, ""});
  CHECK(rig.await(*first).status == 202);
  rig.tidegate->answer = answer;
  rig.set("dead");
  CHECK(rig.status_word() == "failed");
}

TEST_CASE("a job's note that is damaged is no job") {
  JobRig rig;
  std::ofstream(rig.state() / "jobs" / rig.key) << "nonsense";
  CHECK(rig.get("/status/" + rig.key).status == 404);
  CHECK(rig.upload().status == 202);
}

TEST_CASE("what is in the cache or the store and says of itself what it is not is no picture") {
  JobRig rig;
  const std::string url = "/images/" + rig.key;
  for (const Object& planted : {Object{"text/html", "<script>alert(1)</script>"}, Object{"image/png", "no picture"},
                                Object{"text/html", a_png()}, Object{"image/png\r\nSet-Cookie: a=b", a_png()}}) {
    CAPTURE(planted.content_type);
    const auto object = std::make_shared<Object>(planted);
    rig.cache->put(rig.key, object);
    CHECK(rig.get(url).status == 404);
    std::optional<Status> stored;
    const auto putting = rig.store->put("results/" + rig.key, object, [&](const Status& status) { stored = status; });
    rig.until([&] { return stored.has_value(); });
    REQUIRE(*stored);
    CHECK(rig.get(url).status == 404);
  }
  CHECK(rig.upload().status == 202);
}

TEST_CASE("unknown keys are not found, and what is no key is a bad request") {
  JobRig rig;
  for (const std::string path : {"/status/", "/images/"}) {
    CHECK(rig.get(path + rig.key).status == 404);
    CHECK(rig.get(path + "abc").status == 400);
    CHECK(rig.get(path + "..%2f..%2fetc").status == 400);
    CHECK(rig.get(path).status == 400);
  }
  CHECK(rig.tidegate->seen.empty());
}

}  // namespace tidegate::api::test
