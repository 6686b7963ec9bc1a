// What becomes of a delivered message whose job is not handed out, decided from its record. No I/O.
//
//   record                         verdict
//   succeeded, cancelled, expired  ack: nothing is left to run
//   dead                           dead_letter; put_back where an operator's replay is about to change the record
//   running                        delay: it runs elsewhere, and is checked again later
//   queued, retrying               claim when due, else delay until then
//   none, or still accepting       put_back or delay while the record may still come, then ack
#pragma once

#include <cstdint>

#include "jobs/job.h"
#include "jobs/rabbit/broker/message.h"

namespace tidegate::jobs {

struct DeliveryVerdict {
  enum class Action : uint8_t { claim, ack, dead_letter, delay, put_back };
  Action action;
  WallTime until{};  // delay, put_back
};

DeliveryVerdict judge_by_record(const RabbitMessage& message, const JobRecord& record, WallTime now);
// `seen_before`: the record was missing at an earlier check too.
DeliveryVerdict judge_without_record(const RabbitMessage& message, bool seen_before, WallTime now);

}  // namespace tidegate::jobs
