// Webhooks of Tidegate about the end of a job: verified, the result stored before the response, harmless if repeated.
#include "api/webhook/webhook_handler.h"

#include <filesystem>

#include "api/upload/key.h"
#include "base/log.h"
#include "http/message/webhook.h"
#include "unit/api/fixture.h"

namespace tidegate::api::test {

namespace {

using Response = ScriptedTidegate::Response;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kPath = "/webhooks/tidegate";

// Tidegate with one job that succeeded with `result`.
struct HookFixture : Fixture {
  HookFixture() {
    settings().webhook_secret = kSecret;
    restart();
    tidegate->respond = [this](const ScriptedTidegate::Seen& seen) -> std::optional<Response> {
      if (seen.target == "/_jobs/12ab/result") return result;
      if (seen.method == "POST") return Response{202, "application/json", job(), ""};
      return Response{404, "", "", ""};
    };
  }

  static std::string job() {
    return R"({"job_id":"12ab","status_url":"/_jobs/12ab","result_url":"/_jobs/12ab/result"})";
  }
  std::string message(const std::string& type = "job.succeeded") const {
    std::string data = job();
    data.insert(1, R"("idempotency_key":")" + key + "\",");
    return R"({"type":")" + type + R"(","timestamp":"2021-02-25T15:03:40.000Z","data":)" + data + "}";
  }
  Fields signed_fields(const std::string& body, Duration age = {}, const std::string& secret = kSecret) {
    const int64_t sent_s = std::chrono::floor<std::chrono::seconds>(wall_now() - age).time_since_epoch().count();
    return {{"Content-Type", "application/json"},
            {"webhook-id", "msg_1"},
            {"webhook-timestamp", std::to_string(sent_s)},
            {"webhook-signature", http::webhook_signature(secret, "msg_1", sent_s, body)}};
  }
  http::FetchResponse tell(const std::string& body) { return fetch("POST", kPath, signed_fields(body), body); }
  http::FetchResponse tell() { return tell(message()); }
  bool is_stored(const char* folder) const { return std::filesystem::exists(state() / folder / key); }

  Response result{200, "image/png", marked_png(), ""};
  const std::string key = key_of(a_png(), "NWS", "bottom-right");
};

}  // namespace

TEST_CASE("without a secret, webhooks are not accepted") {
  Fixture fixture;
  CHECK(fixture.fetch("POST", kPath, {}, "{}").status == 404);
}

TEST_CASE("the result of a succeeded job is stored and cached before the response") {
  HookFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  CHECK(fixture.is_stored("jobs"));
  CHECK(fixture.tell().status == 204);
  CHECK(fixture.is_stored("results"));
  CHECK_FALSE(fixture.is_stored("jobs"));
  const size_t asked = fixture.tidegate->seen.size();
  fixture.store->mood = Mood::unavailable;  // the result is cached
  CHECK(value_of(fixture.get("/status/" + fixture.key), "status") == "done");
  CHECK(fixture.get("/images/" + fixture.key).body == marked_png());
  CHECK(fixture.upload().field("X-Cache") == "HIT");
  CHECK(fixture.tidegate->seen.size() == asked);
}

TEST_CASE("a webhook that arrives before the job entry is stored works too") {
  HookFixture fixture;
  CHECK(fixture.tell().status == 204);
  CHECK(fixture.is_stored("results"));
  CHECK(value_of(fixture.get("/status/" + fixture.key), "status") == "done");
}

TEST_CASE("a repeated webhook is harmless and sends no request to Tidegate") {
  HookFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  REQUIRE(fixture.tell().status == 204);
  const size_t asked = fixture.tidegate->seen.size();
  CHECK(fixture.tell().status == 204);
  CHECK(fixture.tidegate->seen.size() == asked);
  fixture.restart();  // with an empty cache, which the repeated webhook fills from the store
  CHECK(fixture.tell().status == 204);
  CHECK(fixture.tidegate->seen.size() == asked);
  CHECK(fixture.upload().field("X-Cache") == "HIT");
}

TEST_CASE("a webhook with a wrong signature is rejected and has no effect") {
  HookFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  const size_t asked = fixture.tidegate->seen.size();
  const std::string body = fixture.message();
  std::vector<std::string> log;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("webhook_rejected") != std::string_view::npos) log.emplace_back(line);
  });
  const auto refused = [&](const Fields& fields, const std::string& sent) {
    const auto response = fixture.fetch("POST", kPath, fields, sent);
    CHECK(response.status == 401);
    CHECK(value_of(response, "reason") == "unauthorized");
  };
  refused({}, body);
  refused(fixture.signed_fields(body, {}, "another secret of 16"), body);
  REQUIRE(log.size() == 2);
  CHECK(log[1].find("The signature is wrong.") !=
        std::string::npos);  // so that an operator finds two different secrets
  log_set_sink([](LogLevel, std::string_view) {});
  refused(fixture.signed_fields(body), body + " ");
  refused(fixture.signed_fields(body, 6min), body);
  refused(fixture.signed_fields(body, -6min), body);
  CHECK(fixture.tidegate->seen.size() == asked);
  CHECK_FALSE(fixture.is_stored("results"));
  CHECK(fixture.fetch("POST", kPath, fixture.signed_fields(body, 4min), body).status == 204);
}

TEST_CASE("a body that is too large is rejected before its signature is verified") {
  HookFixture fixture;
  const std::string body(kWebhookBytesMax + 1, ' ');
  CHECK(fixture.tell(body).status == 413);
  CHECK(fixture.tell(std::string(kWebhookBytesMax, ' ')).status == 400);  // a valid signature, but not JSON
  CHECK(fixture.get(kPath).status == 405);
}

TEST_CASE("a webhook about another event or a foreign job is accepted and has no effect") {
  HookFixture fixture;
  const std::string other = R"({"type":"job.succeeded","data":{"idempotency_key":)";
  for (const std::string& body :
       {fixture.message("job.dead"), fixture.message("job.enlarged"), std::string(R"({"type":"job.succeeded"})"),
        other + "null}}", other + "\"order-7\"}}", other + "\"" + fixture.key + "\"}}"}) {
    CAPTURE(body);
    CHECK(fixture.tell(body).status == 204);
  }
  for (const char* body : {"", "[]", "{}", "\xff", "{\"type\":7}"}) CHECK(fixture.tell(body).status == 400);
  CHECK(fixture.tidegate->seen.empty());
}

TEST_CASE("while a store or Tidegate is unavailable, the webhook gets a 503 so that it is repeated") {
  HookFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  fixture.store->mood = Mood::unavailable;
  auto response = fixture.tell();
  CHECK(response.status == 503);
  CHECK_FALSE(response.field("Retry-After").empty());
  fixture.store->mood = Mood::available;
  fixture.result = {503, "", "", ""};
  response = fixture.tell();
  CHECK(response.status == 503);
  CHECK_FALSE(response.field("Retry-After").empty());
  fixture.result = {200, "image/png", marked_png(), ""};
  CHECK(fixture.tell().status == 204);
  CHECK(fixture.is_stored("results"));
}

TEST_CASE("a result that could not be stored gets a 503, even though it is cached") {
  HookFixture fixture;
  fixture.tidegate->respond = [&](const ScriptedTidegate::Seen&) {
    fixture.store->mood = Mood::unavailable;  // after the request to Tidegate, before its response
    return fixture.result;
  };
  CHECK(fixture.tell().status == 503);
  fixture.store->mood = Mood::available;
  CHECK_FALSE(fixture.is_stored("results"));
  fixture.tidegate->respond = [&](const ScriptedTidegate::Seen&) { return fixture.result; };
  CHECK(fixture.tell().status == 204);
  CHECK(fixture.is_stored("results"));
}

TEST_CASE("the original of a picture that the optimizer refused is removed, and the status has the reason") {
  HookFixture fixture;
  REQUIRE(fixture.upload().status == 202);
  CHECK(fixture.is_stored("originals"));
  fixture.result = {415, "application/problem+json", R"({"detail":"The image is damaged."})", ""};
  CHECK(fixture.tell().status == 204);
  CHECK_FALSE(fixture.is_stored("originals"));
  CHECK_FALSE(fixture.is_stored("results"));
  CHECK(fixture.is_stored("jobs"));  // the source of the status
}

}  // namespace tidegate::api::test
