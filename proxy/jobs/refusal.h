// Why a queue refuses a job, in one word: the same in the response, the log and the metric. A store's message of a
// failed append, and of its unavailability, begins with the word ("max_jobs reached"), in the scripts of Redis too.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tidegate::jobs {

enum class Refusal : uint8_t {
  max_jobs,
  max_bytes,
  min_free_disk,      // less than that would be left
  disk_full,          // the disk said so itself
  body_too_large,     // for the store
  overloaded,         // more calls are waiting for the store than may
  store_damaged,      // the store's file cannot be used: an operator has to salvage it
  store_stalled,      // the store hangs on its disk
  store_timeout,      // no acknowledgement in time
  store_unavailable,  // any other reason why the store takes nothing
};
inline constexpr int kRefusalCount = 10;

const char* to_string(Refusal refusal);

// Of an append that failed with `error`.
Refusal refusal_of(const Error& error);

// Of a store that is unavailable for `reason` (QueueView): store_damaged, store_stalled or store_unavailable.
Refusal unavailable_for(const std::string& reason);

// The message with its word in front, once.
std::string with_word(Refusal refusal, const std::string& message);

// A replay without `force` of a job that has been replayed JobQueue::kReplaysMax times and failed each time: exhausted
// too, but a word of its own, as the store refuses nothing.
Error replayed_too_often(const std::string& id, int64_t replays);
bool is_replayed_too_often(const Error& error);

}  // namespace tidegate::jobs
