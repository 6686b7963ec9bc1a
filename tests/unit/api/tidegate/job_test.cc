#include "api/tidegate/job.h"

#include <doctest/doctest.h>

namespace tidegate::api::test {

namespace {

http::FetchResponse response(uint16_t status, std::string body) {
  http::FetchResponse made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

std::string job(std::string_view status_url) {
  return R"({"job_id":"12ab","status_url":")" + std::string(status_url) + R"(","result_url":"/_jobs/12ab/result"})";
}

}  // namespace

TEST_CASE("a job is parsed as Tidegate writes it, and as this service does") {
  const auto read = parse_job(
      R"({"job_id":"12ab","status":"queued","status_url":"/_jobs/12ab","result_url":"/_jobs/12ab/result","retry_after":12})");
  REQUIRE(read.has_value());
  const auto again = parse_job(to_json(*read));
  REQUIRE(again.has_value());
  CHECK(again->id == "12ab");
  CHECK(again->status_url == "/_jobs/12ab");
  CHECK(again->result_url == "/_jobs/12ab/result");
}

TEST_CASE("an invalid job is not parsed") {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"), job(""), job("/"), job("//elsewhere/x"),
        job("http://elsewhere/x"), job("/a b"), job("/a\\r\\nX: y"), job("/" + std::string(600, 'x'))}) {
    CAPTURE(text);
    CHECK_FALSE(parse_job(text).has_value());
  }
  CHECK(parse_job(job("/x")).has_value());
}

TEST_CASE("each status of a job has its state") {
  const std::pair<const char*, JobState> words[] = {
      {"queued", JobState::queued},       {"running", JobState::processing}, {"retrying", JobState::retrying},
      {"succeeded", JobState::succeeded}, {"dead", JobState::lost},          {"cancelled", JobState::lost},
      {"expired", JobState::lost},
  };
  for (const auto& [word, state] : words) {
    const auto report = parse_report(response(200, std::string(R"({"status":")") + word + R"("})"));
    REQUIRE(report.has_value());
    CHECK(report->state == state);
    CHECK(report->error.empty() == (state != JobState::lost));
  }
  CHECK(parse_report(response(404, ""))->state == JobState::lost);
  CHECK(parse_report(response(410, "{}"))->state == JobState::lost);
}

TEST_CASE("a report contains what is known") {
  const auto full = parse_report(response(200, R"({"status":"retrying","attempt":2,"max_attempts":5,"deferrals":7,)"
                                               R"("next_attempt_at":"2026-11-24T01:59:43.123Z","last_error":"503"})"));
  REQUIRE(full.has_value());
  CHECK(full->attempt == 2);
  CHECK(full->max_attempts == 5);
  CHECK(full->deferrals == 7);
  CHECK(full->next_attempt_at == "2026-11-24T01:59:43.123Z");
  CHECK(full->error == "503");
  const auto bare = parse_report(response(200, R"({"status":"queued","attempt":null,"next_attempt_at":null})"));
  REQUIRE(bare.has_value());
  CHECK_FALSE(bare->attempt.has_value());
  CHECK(bare->next_attempt_at.empty());
}

TEST_CASE("a response without a report is not parsed") {
  for (const auto& [status, body] : {std::pair<uint16_t, const char*>{200, "{}"},
                                     {200, "nonsense"},
                                     {200, R"({"status":"new"})"},
                                     {200, R"({"status":1})"},
                                     {503, R"({"status":"queued"})"},
                                     {500, ""}}) {
    CAPTURE(body);
    CHECK_FALSE(parse_report(response(status, body)).has_value());
  }
}

TEST_CASE("the sentence of an error comes from the problem, or names the status") {
  CHECK(detail_of(response(400, R"({"detail":"The image is damaged."})")) == "The image is damaged.");
  CHECK(detail_of(response(422, R"({"detail":7})")) == "The optimizer responded with status 422.");
  CHECK(detail_of(response(500, "<html>")) == "The optimizer responded with status 500.");
  CHECK(detail_of(response(400, R"({"detail":")" + std::string(5000, 'x') + "\"}")).size() == 1000);
}

}  // namespace tidegate::api::test
