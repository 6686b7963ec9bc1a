// The calls of the queue that concern both a record and a message, each in the file of its name: append.cc, claim.cc,
// settle.cc, dead_letters.cc. Any event loop may start one; the handle as in job_queue.h.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "jobs/rabbit/context.h"

namespace tidegate::jobs {

OperationPtr start_append(RabbitContext& context, net::Runtime& home, JobDraft draft, Callback<Appended> done);
OperationPtr start_claim(RabbitContext& context, net::Runtime& home, Duration lease,
                         Callback<std::optional<ClaimedJob>> done);

// How a claim ends.
struct ClaimEnd {
  enum class Kind : uint8_t { succeed, retry, defer, release, dead_letter } kind;
  ClaimedJob job;
  WallTime not_before{};                                    // retry, defer, release
  std::function<OperationPtr(Callback<Ok>)> settle_record;  // in the record store
};
OperationPtr start_settle(RabbitContext& context, net::Runtime& home, ClaimEnd settlement, Callback<Ok> done);

OperationPtr start_replay(RabbitContext& context, net::Runtime& home, const std::string& id, bool force,
                          Callback<Ok> done);
OperationPtr start_purge(RabbitContext& context, net::Runtime& home, const std::string& id, Callback<Ok> done);

}  // namespace tidegate::jobs
