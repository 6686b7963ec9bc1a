#include "jobs/rabbit/delivery_verdict.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kPendingRecheck = 50ms;                     // its append or replay is about to change the record
constexpr Duration kAppendMax = std::chrono::seconds(1);       // usually much less
constexpr Duration kRunningRecheck = std::chrono::seconds(8);  // of a job that runs elsewhere
constexpr Duration kRecordGrace = std::chrono::seconds(60);    // a younger message may be waiting for its record
constexpr Duration kMissingRecheck = std::chrono::seconds(2);  // before an old message without a record is dropped

Duration age_of(const RabbitMessage& message, WallTime now) { return now - from_unix_ms(message.published_ms); }

}  // namespace

DeliveryVerdict judge_by_record(const RabbitMessage& message, const JobRecord& record, WallTime now) {
  using Action = DeliveryVerdict::Action;
  switch (record.status) {
    case JobStatus::succeeded:
    case JobStatus::cancelled:
    case JobStatus::expired: return {Action::ack};
    case JobStatus::dead: {
      // A replay publishes before it changes the record. Any other message of a dead job is its dead letter.
      const bool replaying = message.replays > record.replays && age_of(message, now) < kRecordGrace;
      return replaying ? DeliveryVerdict{Action::put_back, now + kPendingRecheck}
                       : DeliveryVerdict{Action::dead_letter};
    }
    case JobStatus::running: return {Action::delay, now + kRunningRecheck};
    case JobStatus::queued:
    case JobStatus::retrying: {
      const bool later = record.next_attempt_at && *record.next_attempt_at > now;
      return later ? DeliveryVerdict{Action::delay, *record.next_attempt_at} : DeliveryVerdict{Action::claim};
    }
    case JobStatus::accepting: break;  // not admitted yet
  }
  return judge_without_record(message, false, now);
}

DeliveryVerdict judge_without_record(const RabbitMessage& message, bool seen_before, WallTime now) {
  using Action = DeliveryVerdict::Action;
  const Duration age = age_of(message, now);
  if (age < kAppendMax) return {Action::put_back, now + kPendingRecheck};
  if (age < kRecordGrace) return {Action::delay, now + kRunningRecheck};
  // The age alone does not decide: the clock of the machine that published it may be wrong.
  if (!seen_before) return {Action::put_back, now + kMissingRecheck};
  return {Action::ack};
}

}  // namespace tidegate::jobs
