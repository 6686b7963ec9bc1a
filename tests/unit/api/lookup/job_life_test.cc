// An upload that becomes a job of Tidegate: from the 202 to its picture, or to its failure.
#include <fstream>

#include "api/upload/key.h"
#include "unit/api/fixture.h"

namespace tidegate::api::test {

namespace {

using Response = ScriptedTidegate::Response;
using Seen = ScriptedTidegate::Seen;

constexpr char kKept[] =
    R"({"job_id":"12ab","status":"queued","status_url":"/_jobs/12ab","result_url":"/_jobs/12ab/result","retry_after":7})";

// Tidegate with one job whose status and result the test sets.
struct JobFixture : Fixture {
  JobFixture() {
    tidegate->respond = [this](const Seen& seen) -> std::optional<Response> {
      if (seen.method == "POST") return Response{202, "application/json", kKept, "Retry-After: 7\r\n"};
      if (seen.target == "/_jobs/12ab") return status;
      if (seen.target == "/_jobs/12ab/result") return result;
      return Response{404, "", "", ""};
    };
  }

  void set(const std::string& word, const std::string& more = "") {
    status = {200, "application/json", R"({"job_id":"12ab","status":")" + word + "\"" + more + "}",
              "Retry-After: 3\r\n"};
  }
  std::string status_word() { return value_of(get("/status/" + key), "status"); }

  Response status{404, "", "", ""};
  Response result{409, "", "", ""};
  const std::string key = key_of(a_png(), "NWS", "bottom-right");
};

}  // namespace

TEST_CASE("a 202 says where to query the job") {
  JobFixture fixture;
  const auto response = fixture.upload();
  CHECK(response.status == 202);
  CHECK(value_of(response, "job_id") == "12ab");
  CHECK(value_of(response, "key") == fixture.key);
  CHECK(value_of(response, "status_url") == "/status/" + fixture.key);
  CHECK(response.field("Location") == "/status/" + fixture.key);
  CHECK(response.field("Retry-After") == "7");
}

TEST_CASE("a job whose entry could not be stored gets a 503") {
  JobFixture fixture;
  std::filesystem::remove_all(fixture.state() / "jobs");
  std::ofstream(fixture.state() / "jobs") << "in the way";
  CHECK(fixture.upload().status == 503);
}

TEST_CASE("the status follows the states of the job until its picture is finished") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.set("queued", R"(,"attempt":0,"max_attempts":5,"next_attempt_at":null,"last_error":null)");
  const auto queued = fixture.get("/status/" + fixture.key);
  CHECK(value_of(queued, "status") == "queued");
  CHECK(value_of(queued, "attempt") == "0");
  CHECK(value_of(queued, "url") == "null");
  CHECK(queued.field("Retry-After") == "3");
  fixture.set("running", R"(,"attempt":1)");
  CHECK(fixture.status_word() == "processing");
  fixture.set("retrying",
              R"(,"attempt":1,"max_attempts":5,"deferrals":2,"next_attempt_at":"2026-11-24T02:00:00.000Z",)"
              R"("last_error":"503")");
  const auto retrying = fixture.get("/status/" + fixture.key);
  CHECK(value_of(retrying, "status") == "retrying");
  CHECK(value_of(retrying, "deferrals") == "2");
  CHECK(value_of(retrying, "next_attempt_at") == "2026-11-24T02:00:00.000Z");
  CHECK(value_of(retrying, "error") == "503");
  const auto early = fixture.get("/images/" + fixture.key);
  CHECK(early.status == 409);
  CHECK(early.field("Retry-After") == "3");

  fixture.set("succeeded");
  fixture.result = {200, "image/png", marked_png(), ""};
  const auto done = fixture.get("/status/" + fixture.key);
  CHECK(value_of(done, "status") == "done");
  CHECK(value_of(done, "url") == "/images/" + fixture.key);
  CHECK(value_of(done, "error") == "null");
  CHECK(fixture.get("/images/" + fixture.key).body == marked_png());
  CHECK(fixture.upload().field("X-Cache") == "HIT");
  CHECK(fixture.tidegate->count("POST") == 1);
}

TEST_CASE("the first request for a finished picture fetches it from Tidegate") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.set("succeeded");
  fixture.result = {200, "image/png", marked_png(), ""};
  CHECK(fixture.get("/images/" + fixture.key).body == marked_png());
  fixture.tidegate.reset();
  fixture.restart();  // the result is in the store
  CHECK(fixture.get("/images/" + fixture.key).body == marked_png());
  CHECK(fixture.status_word() == "done");
}

TEST_CASE("with presigned URLs a job gets a reference to the original, and the live attempt gets the picture") {
  JobFixture fixture;
  fixture.store->url_base = "http://objects:9000/watermark/";
  fixture.settings().presign_ttl = 25h;
  REQUIRE(fixture.upload().status == 202);
  REQUIRE(fixture.tidegate->seen.size() == 1);
  CHECK(fixture.tidegate->seen[0].fields["Tidegate-Body-Ref"] ==
        "http://objects:9000/watermark/originals/" + fixture.key + "?seconds=90000");
  CHECK(fixture.tidegate->seen[0].fields["Idempotency-Key"] == fixture.key);
  CHECK(fixture.tidegate->seen[0].body == a_png());
  fixture.store->url_base = "";
  REQUIRE(fixture.upload("other").status == 202);
  CHECK(fixture.tidegate->seen.back().fields.count("Tidegate-Body-Ref") == 0);
}

TEST_CASE("a job survives a restart") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.restart();
  fixture.set("running");
  CHECK(fixture.status_word() == "processing");
  CHECK(value_of(fixture.upload(), "job_id") == "12ab");
  CHECK(fixture.tidegate->count("POST") == 1);
}

TEST_CASE("an upload joins its pending job, and is sent again if its job is lost") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  size_t sent = 1;
  for (const char* word : {"queued", "running", "retrying"}) {
    CAPTURE(word);
    fixture.set(word);
    const auto response = fixture.upload();
    CHECK(response.status == 202);
    CHECK(value_of(response, "job_id") == "12ab");
    CHECK(response.field("Retry-After") == "3");
    CHECK(fixture.tidegate->count("POST") == sent);
  }
  for (const char* word : {"dead", "cancelled", "expired"}) {
    CAPTURE(word);
    fixture.set(word);
    CHECK(fixture.upload().status == 202);
    CHECK(fixture.tidegate->count("POST") == ++sent);
  }
  fixture.status = {404, "", "", ""};
  CHECK(fixture.upload().status == 202);
  CHECK(fixture.tidegate->count("POST") == ++sent);
}

TEST_CASE("a lost job is failed, with the reason") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.set("dead", R"(,"attempt":5,"max_attempts":5,"last_error":"timeout")");
  const auto dead = fixture.get("/status/" + fixture.key);
  CHECK(dead.status == 200);
  CHECK(value_of(dead, "status") == "failed");
  CHECK(value_of(dead, "error").find("timeout") != std::string::npos);
  for (const char* word : {"cancelled", "expired"}) {
    fixture.set(word);
    CHECK(fixture.status_word() == "failed");
  }
  for (const uint16_t status : {404, 410}) {
    fixture.status = {status, "", "", ""};
    CHECK(fixture.status_word() == "failed");
  }
  CHECK(fixture.get("/images/" + fixture.key).status == 404);
}

TEST_CASE("a job whose result is an error is failed, with its detail") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.set("succeeded");
  fixture.result = {400, "application/problem+json", R"({"detail":"The image is damaged."})", ""};
  const auto failed = fixture.get("/status/" + fixture.key);
  CHECK(value_of(failed, "status") == "failed");
  CHECK(value_of(failed, "error") == "The image is damaged.");
  fixture.result = {200, "text/html", "<html>", ""};
  CHECK(fixture.status_word() == "failed");
  fixture.result = {410, "", "", ""};
  CHECK(fixture.status_word() == "failed");
}

TEST_CASE("while Tidegate is unavailable, no job is reported as failed") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.status = {503, "application/problem+json", R"({"reason":"queue_unavailable"})", "Retry-After: 9\r\n"};
  const auto response = fixture.get("/status/" + fixture.key);
  CHECK(response.status == 503);
  CHECK(response.field("Retry-After") == "9");
  fixture.status = {200, "text/plain", "nonsense", ""};
  const auto nonsense = fixture.get("/status/" + fixture.key);
  CHECK(nonsense.status == 503);
  CHECK(value_of(nonsense, "reason") == "tidegate_unavailable");
  CHECK(nonsense.field("Retry-After") == "2");
  fixture.set("succeeded");
  fixture.result = {503, "", "", ""};
  CHECK(fixture.get("/status/" + fixture.key).status == 503);
  CHECK(fixture.upload().status == 503);
  CHECK(fixture.tidegate->count("POST") == 1);
  fixture.tidegate.reset();
  for (const std::string path : {"/status/", "/images/"}) {
    CHECK(fixture.get(path + fixture.key).status == 503);
    CHECK(fixture.get(path + fixture.key).field("Retry-After") == "2");
  }
}

TEST_CASE("while the store is unavailable, no job is reported as failed") {
  JobFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.set("dead");
  fixture.store->mood = Mood::unavailable;
  const auto response = fixture.get("/status/" + fixture.key);
  CHECK(response.status == 503);
  CHECK(value_of(response, "reason") == "store_unavailable");
  CHECK(response.field("Retry-After") == "10");
  fixture.store->mood = Mood::available;
  CHECK(fixture.status_word() == "failed");
}

TEST_CASE("an upload without a response yet has the status processing") {
  JobFixture fixture;
  const auto response = fixture.tidegate->respond;
  fixture.tidegate->respond = nullptr;
  const auto first = fixture.begin_upload(Fixture::form("NWS"));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  const auto status = fixture.get("/status/" + fixture.key);
  CHECK(value_of(status, "status") == "processing");
  CHECK(status.field("Retry-After") == "2");
  fixture.tidegate->release({202, "application/json", kKept, ""});
  CHECK(fixture.await(*first).status == 202);
  fixture.tidegate->respond = response;
  fixture.set("dead");
  CHECK(fixture.status_word() == "failed");
}

TEST_CASE("a damaged job entry counts as no job") {
  JobFixture fixture;
  std::ofstream(fixture.state() / "jobs" / fixture.key) << "nonsense";
  CHECK(fixture.get("/status/" + fixture.key).status == 404);
  CHECK(fixture.upload().status == 202);
}

TEST_CASE("content that is not a picture of its declared type is not served") {
  JobFixture fixture;
  const std::string url = "/images/" + fixture.key;
  for (const Object& planted : {Object{"text/html", "<script>alert(1)</script>"}, Object{"image/png", "no picture"},
                                Object{"text/html", a_png()}, Object{"image/png\r\nSet-Cookie: a=b", a_png()}}) {
    CAPTURE(planted.content_type);
    const auto object = std::make_shared<Object>(planted);
    fixture.cache->put(fixture.key, object);
    CHECK(fixture.get(url).status == 404);
    std::optional<Status> stored;
    const auto putting =
        fixture.store->put("results/" + fixture.key, object, [&](const Status& status) { stored = status; });
    fixture.until([&] { return stored.has_value(); });
    REQUIRE(*stored);
    CHECK(fixture.get(url).status == 404);
  }
  CHECK(fixture.upload().status == 202);
}

TEST_CASE("an unknown key is not found, and an invalid key is a bad request") {
  JobFixture fixture;
  for (const std::string path : {"/status/", "/images/"}) {
    CHECK(fixture.get(path + fixture.key).status == 404);
    CHECK(fixture.get(path + "abc").status == 400);
    CHECK(fixture.get(path + "..%2f..%2fetc").status == 400);
    CHECK(fixture.get(path).status == 400);
  }
  CHECK(fixture.tidegate->seen.empty());
}

}  // namespace tidegate::api::test
