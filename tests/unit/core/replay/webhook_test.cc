// What is posted.
#include "core/replay/webhook.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

namespace tidegate::core {

namespace {

jobs::JobRecord ended(jobs::JobStatus status) {
  jobs::JobRecord record;
  record.id = "0123456789abcdef0123456789abcdef";
  record.status = status;
  record.attempt = 3;
  record.created_at = WallTime(1'614'265'330s);
  record.finished_at = record.created_at + 90s;
  return record;
}

}  // namespace

TEST_CASE("a message has the final status of the job and the URL of its result") {
  const auto good = nlohmann::json::parse(webhook_body(ended(jobs::JobStatus::succeeded), "photo-7", 201, "/_jobs/"));
  CHECK(good.at("type") == "job.succeeded");
  CHECK(good.at("timestamp") == "2021-02-25T15:03:40.000Z");
  const auto& data = good.at("data");
  CHECK(data.at("job_id") == "0123456789abcdef0123456789abcdef");
  CHECK(data.at("idempotency_key") == "photo-7");
  CHECK(data.at("status") == "succeeded");
  CHECK(data.at("attempt") == 3);
  CHECK(data.at("created_at") == "2021-02-25T15:02:10.000Z");
  CHECK(data.at("finished_at") == "2021-02-25T15:03:40.000Z");
  CHECK(data.at("last_error").is_null());
  CHECK(data.at("status_url") == "/_jobs/0123456789abcdef0123456789abcdef");
  CHECK(data.at("result_url") == "/_jobs/0123456789abcdef0123456789abcdef/result");
  CHECK(data.at("result_status") == 201);
  jobs::JobRecord record = ended(jobs::JobStatus::dead);
  record.last_error = "50\"3";
  const auto bad = nlohmann::json::parse(webhook_body(record, "", std::nullopt, "/_jobs/"));
  CHECK(bad.at("type") == "job.dead");
  CHECK(bad.at("data").at("last_error") == "50\"3");
  CHECK(bad.at("data").at("idempotency_key").is_null());
  CHECK(bad.at("data").at("result_status").is_null());
}

TEST_CASE("a delivery without a response fails in the words of live requests, or is given back where we are to blame") {
  using policy::AttemptResult;
  struct Case {
    ErrorCode code;
    bool connected;
    AttemptResult result;
    bool own_failure;
  };
  const Case cases[] = {
      {ErrorCode::refused, false, AttemptResult::connect_failure, false},
      {ErrorCode::not_found, false, AttemptResult::connect_failure, false},
      {ErrorCode::unavailable, false, AttemptResult::connect_failure, false},  // no name server responds
      {ErrorCode::timeout, false, AttemptResult::connect_failure, false},
      {ErrorCode::reset, false, AttemptResult::connect_failure, false},
      {ErrorCode::conflict, false, AttemptResult::connect_failure, true},   // no local port
      {ErrorCode::exhausted, false, AttemptResult::connect_failure, true},  // no descriptor
      {ErrorCode::timeout, true, AttemptResult::timeout, false},
      {ErrorCode::reset, true, AttemptResult::reset, false},
      {ErrorCode::invalid, true, AttemptResult::bad_response, false},
      {ErrorCode::exhausted, true, AttemptResult::bad_response, false},  // its response is too large
  };
  for (const Case& c : cases) {
    CAPTURE(to_string(c.code));
    CAPTURE(c.connected);
    const jobs::RunResult result = undelivered({c.code, "why"}, c.connected);
    CHECK(result.result == c.result);
    CHECK(result.own_failure == c.own_failure);
    CHECK(result.detail == "why");
  }
}

}  // namespace tidegate::core
