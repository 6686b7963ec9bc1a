// What the scripts of the job queue on Redis reply (scripts.h), as values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/job_queue.h"
#include "redis/reply.h"

namespace tidegate::jobs {

// {view, word, …}
struct ScriptReply {
  QueueView view;  // of the store, since it was made
  std::string word;
  std::vector<redis::Reply> rest;

  bool is(const char* expected) const { return word == expected; }
  const std::string& text(size_t index) const;  // "" where there is none
  uint64_t number(size_t index) const;          // 0 where there is none
};

// Whatever keeps a command from its reply (no connection, no reply in time, too many under way), the store is
// unavailable.
Error to_outage(const Error& error);
// An error reply is the server's refusal: unavailable, with its words.
Result<ScriptReply> to_script_reply(Result<redis::Reply> reply);
// What a word that is not the expected one means for the job `id`.
Error to_refusal(const ScriptReply& reply, const std::string& id);

// What was sent and got no reply may have been executed.
inline bool in_doubt(const Error& error) { return error.code == ErrorCode::unavailable; }

// {claim, route, method, …}. invalid: the checksum does not match.
Result<ClaimedJob> to_claimed_job(const std::string& id, const std::vector<redis::Reply>& fields);
// {route, status, attempt, …}
JobRecord to_record(const std::string& id, const std::vector<redis::Reply>& fields);
AttemptRecord to_attempt(const std::string& line);

// The checksum of all that never changes in a record, the body excepted: its pieces have their own.
uint32_t redis_record_crc(const JobDraft& draft);

inline int64_t to_ns(WallTime time) { return time.time_since_epoch().count(); }
// A score: rounded up, so that nothing comes due too early.
inline int64_t to_us(WallTime time) { return to_ns(time) / 1000 + (to_ns(time) % 1000 > 0 ? 1 : 0); }
inline int64_t to_us(Duration time) { return time.count() / 1000 + (time.count() % 1000 > 0 ? 1 : 0); }

}  // namespace tidegate::jobs
