#include "jobs/refusal.h"

#include <iterator>

namespace tidegate::jobs {

namespace {

// In the order of the enum.
constexpr const char* kWords[] = {"max_jobs",   "max_bytes",     "min_free_disk", "disk_full",     "body_too_large",
                                  "overloaded", "store_damaged", "store_stalled", "store_timeout", "store_unavailable"};
static_assert(std::size(kWords) == kRefusalCount);
constexpr const char* kReplayedTooOften = "replayed_too_often";

std::string first_word(const std::string& message) { return message.substr(0, message.find_first_of(" :")); }

}  // namespace

const char* to_string(Refusal refusal) { return kWords[static_cast<size_t>(refusal)]; }

Refusal refusal_of(const Error& error) {
  const std::string word = first_word(error.message);
  for (size_t i = 0; i < std::size(kWords); ++i) {
    if (word == kWords[i]) return static_cast<Refusal>(i);
  }
  return error.code == ErrorCode::exhausted ? Refusal::overloaded : Refusal::store_unavailable;
}

Refusal unavailable_for(const std::string& reason) {
  const Refusal why = refusal_of({ErrorCode::unavailable, reason});
  return why == Refusal::store_damaged || why == Refusal::store_stalled ? why : Refusal::store_unavailable;
}

std::string with_word(Refusal refusal, const std::string& message) {
  const std::string word = to_string(refusal);
  return first_word(message) == word ? message : word + ": " + message;
}

Error replayed_too_often(const std::string& id, int64_t replays) {
  return {ErrorCode::exhausted, std::string(kReplayedTooOften) + ": job " + id + " has been replayed " +
                                    std::to_string(replays) + " times and failed each time"};
}

bool is_replayed_too_often(const Error& error) {
  return error.code == ErrorCode::exhausted && first_word(error.message) == kReplayedTooOften;
}

}  // namespace tidegate::jobs
