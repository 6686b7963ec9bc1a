// What becomes of a delivered message, by its record and its age.
#include "jobs/rabbit/delivery_verdict.h"

#include <doctest/doctest.h>

namespace tidegate::jobs {

namespace {

using Action = DeliveryVerdict::Action;
constexpr WallTime kNow{1'000'000s};

RabbitMessage message_of_age(Duration age, int replays = 0) {
  RabbitMessage message;
  message.published_ms = unix_ms(kNow - age);
  message.replays = replays;
  return message;
}

JobRecord record_with(JobStatus status, std::optional<WallTime> next_attempt_at = std::nullopt, int replays = 0) {
  JobRecord record;
  record.status = status;
  record.next_attempt_at = next_attempt_at;
  record.replays = replays;
  return record;
}

}  // namespace

TEST_CASE("the record of a job decides what becomes of its message") {
  struct Case {
    JobRecord record;
    Action action;
    WallTime until{};
  };
  const Case cases[] = {
      {record_with(JobStatus::succeeded), Action::ack},
      {record_with(JobStatus::cancelled), Action::ack},
      {record_with(JobStatus::expired), Action::ack},
      {record_with(JobStatus::dead), Action::dead_letter},
      {record_with(JobStatus::running), Action::delay, kNow + 8s},
      {record_with(JobStatus::queued), Action::claim},
      {record_with(JobStatus::queued, kNow), Action::claim},
      {record_with(JobStatus::retrying, kNow + 5s), Action::delay, kNow + 5s},
  };
  for (const Case& c : cases) {
    CAPTURE(to_string(c.record.status));
    const DeliveryVerdict verdict = judge_by_record(message_of_age(1h), c.record, kNow);
    CHECK(verdict.action == c.action);
    CHECK(verdict.until == c.until);
  }
}

TEST_CASE("a replayed message waits until the record of its dead job says so, but not for ever") {
  const JobRecord record = record_with(JobStatus::dead, std::nullopt, 1);
  CHECK(judge_by_record(message_of_age(1s, 2), record, kNow).action == Action::put_back);
  CHECK(judge_by_record(message_of_age(61s, 2), record, kNow).action == Action::dead_letter);
  CHECK(judge_by_record(message_of_age(1s, 1), record, kNow).action == Action::dead_letter);
}

TEST_CASE(
    "a message without a record waits for it while it is young, and is dropped at the second check when it is old") {
  struct Case {
    Duration age;
    bool seen_before;
    Action action;
  };
  const Case cases[] = {
      {0s, false, Action::put_back}, {999ms, true, Action::put_back}, {1s, false, Action::delay},
      {59s, true, Action::delay},    {60s, false, Action::put_back},  {60s, true, Action::ack},
  };
  for (const Case& c : cases) {
    CAPTURE(ceil_ms(c.age));
    CAPTURE(c.seen_before);
    CHECK(judge_without_record(message_of_age(c.age), c.seen_before, kNow).action == c.action);
  }
}

}  // namespace tidegate::jobs
