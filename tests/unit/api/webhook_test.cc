// The end of a job, told by Tidegate: believed when signed, brought home before the answer, and harmless when told
// again.
#include "api/webhook/webhook_handler.h"

#include <filesystem>

#include "api/upload/key.h"
#include "base/log.h"
#include "http/message/webhook.h"
#include "unit/api/rig.h"

namespace tidegate::api::test {

namespace {

using Answer = ScriptedTidegate::Answer;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kPath = "/webhooks/tidegate";

// Tidegate with one job that has succeeded with `result`.
struct HookRig : Rig {
  HookRig() {
    settings().webhook_secret = kSecret;
    restart();
    tidegate->answer = [this](const ScriptedTidegate::Seen& seen) -> std::optional<Answer> {
      if (seen.target == "/_jobs/12ab/result") return result;
      if (seen.method == "POST") return Answer{202, "application/json", job(), ""};
      return Answer{404, "", "", ""};
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

  Answer result{200, "image/png", marked_png(), ""};
  const std::string key = key_of(a_png(), "NWS", "bottom-right");
};

}  // namespace

TEST_CASE("without a secret there is no webhook") {
  Rig rig;
  CHECK(rig.fetch("POST", kPath, {}, "{}").status == 404);
}

TEST_CASE("the result of a job that has succeeded is there before the webhook is answered") {
  HookRig rig;
  REQUIRE(rig.upload().status == 202);
  CHECK(rig.is_stored("jobs"));
  CHECK(rig.tell().status == 204);
  CHECK(rig.is_stored("results"));
  CHECK_FALSE(rig.is_stored("jobs"));
  const size_t asked = rig.tidegate->seen.size();
  rig.store->mood = Mood::away;  // the cache has it
  CHECK(value_of(rig.get("/status/" + rig.key), "status") == "done");
  CHECK(rig.get("/images/" + rig.key).body == marked_png());
  CHECK(rig.upload().field("X-Cache") == "HIT");
  CHECK(rig.tidegate->seen.size() == asked);
}

TEST_CASE("a webhook that comes before the job is written down is as good") {
  HookRig rig;
  CHECK(rig.tell().status == 204);
  CHECK(rig.is_stored("results"));
  CHECK(value_of(rig.get("/status/" + rig.key), "status") == "done");
}

TEST_CASE("being told again does no harm, and asks Tidegate nothing") {
  HookRig rig;
  REQUIRE(rig.upload().status == 202);
  REQUIRE(rig.tell().status == 204);
  const size_t asked = rig.tidegate->seen.size();
  CHECK(rig.tell().status == 204);
  CHECK(rig.tidegate->seen.size() == asked);
  rig.restart();  // with an empty cache: told again, it is filled from the store
  CHECK(rig.tell().status == 204);
  CHECK(rig.tidegate->seen.size() == asked);
  CHECK(rig.upload().field("X-Cache") == "HIT");
}

TEST_CASE("what is not signed by Tidegate is refused, and nothing is done") {
  HookRig rig;
  REQUIRE(rig.upload().status == 202);
  const size_t asked = rig.tidegate->seen.size();
  const std::string body = rig.message();
  std::vector<std::string> log;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("webhook_distrusted") != std::string_view::npos) log.emplace_back(line);
  });
  const auto refused = [&](const Fields& fields, const std::string& sent) {
    const auto answer = rig.fetch("POST", kPath, fields, sent);
    CHECK(answer.status == 401);
    CHECK(value_of(answer, "reason") == "unauthorized");
  };
  refused({}, body);
  refused(rig.signed_fields(body, {}, "another secret of 16"), body);
  REQUIRE(log.size() == 2);
  CHECK(log[1].find("The signature is wrong.") != std::string::npos);  // for whoever has set two different secrets
  log_set_sink([](LogLevel, std::string_view) {});
  refused(rig.signed_fields(body), body + " ");
  refused(rig.signed_fields(body, 6min), body);
  refused(rig.signed_fields(body, -6min), body);
  CHECK(rig.tidegate->seen.size() == asked);
  CHECK_FALSE(rig.is_stored("results"));
  CHECK(rig.fetch("POST", kPath, rig.signed_fields(body, 4min), body).status == 204);
}

TEST_CASE("a body that is too large is refused before it is believed") {
  HookRig rig;
  const std::string body(kWebhookBytesMax + 1, ' ');
  CHECK(rig.tell(body).status == 413);
  CHECK(rig.tell(std::string(kWebhookBytesMax, ' ')).status == 400);  // signed, but nothing
  CHECK(rig.get(kPath).status == 405);
}

TEST_CASE("what is no word of a job of ours is taken, and nothing is done") {
  HookRig rig;
  const std::string other = R"({"type":"job.succeeded","data":{"idempotency_key":)";
  for (const std::string& body :
       {rig.message("job.dead"), rig.message("job.enlarged"), std::string(R"({"type":"job.succeeded"})"),
        other + "null}}", other + "\"order-7\"}}", other + "\"" + rig.key + "\"}}"}) {
    CAPTURE(body);
    CHECK(rig.tell(body).status == 204);
  }
  for (const char* body : {"", "[]", "{}", "\xff", "{\"type\":7}"}) CHECK(rig.tell(body).status == 400);
  CHECK(rig.tidegate->seen.empty());
}

TEST_CASE("while a store or Tidegate is away the webhook is to come again") {
  HookRig rig;
  REQUIRE(rig.upload().status == 202);
  rig.store->mood = Mood::away;
  auto answer = rig.tell();
  CHECK(answer.status == 503);
  CHECK_FALSE(answer.field("Retry-After").empty());
  rig.store->mood = Mood::well;
  rig.result = {503, "", "", ""};
  answer = rig.tell();
  CHECK(answer.status == 503);
  CHECK_FALSE(answer.field("Retry-After").empty());
  rig.result = {200, "image/png", marked_png(), ""};
  CHECK(rig.tell().status == 204);
  CHECK(rig.is_stored("results"));
}

TEST_CASE("a result that the store does not take is to come again, though the cache has it") {
  HookRig rig;
  rig.tidegate->answer = [&](const ScriptedTidegate::Seen&) {
    rig.store->mood = Mood::away;  // between the question and the answer
    return rig.result;
  };
  CHECK(rig.tell().status == 503);
  rig.store->mood = Mood::well;
  CHECK_FALSE(rig.is_stored("results"));
  rig.tidegate->answer = [&](const ScriptedTidegate::Seen&) { return rig.result; };
  CHECK(rig.tell().status == 204);
  CHECK(rig.is_stored("results"));
}

TEST_CASE("of a picture that the optimizer has refused no original stays, and why is said") {
  HookRig rig;
  REQUIRE(rig.upload().status == 202);
  CHECK(rig.is_stored("originals"));
  rig.result = {415, "application/problem+json", R"({"detail":"The image is damaged."})", ""};
  CHECK(rig.tell().status == 204);
  CHECK_FALSE(rig.is_stored("originals"));
  CHECK_FALSE(rig.is_stored("results"));
  CHECK(rig.is_stored("jobs"));  // what the status tells from
}

}  // namespace tidegate::api::test
