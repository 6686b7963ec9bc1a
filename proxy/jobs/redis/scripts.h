// The job queue's decisions as Lua: one script a transition (jobs/redis/scripts, embedded by CMake), which the server
// runs alone and whole, on its own clock. Every script begins with preamble.lua. Every key of a queue begins with
// `tidegate:{QUEUE}:`, so that all of them share one cluster slot.
//
//   job:ID      hash     the record: the request, status, attempt, claim number, checksum
//   history:ID  list     "at took error" a failed or finished attempt; "at took *n error" n deferrals in a row
//   body:ID     hash     piece number ─▶ checksum and up to 256 KiB; result:ID likewise
//   upload:…    hash     a body on its way in; ends by itself unless a script takes it over by renaming it
//   key:KEY     string   the job that an Idempotency-Key has made
//
//   work        stream   jobs that are due, one entry each. Consumer group `tidegate`, a consumer a process; pending =
//                        running, or given back untried. An entry's idle time is set so that it reaches IDLE_AT_END
//                        when its lease ends: XAUTOCLAIM finds those, whatever each lease was.
//   delayed     zset     jobs not in `work` that wait for their time (microseconds)
//
//   status:N    zset     each job by the order it came in (N is JobStatus; its card is the depth)
//   accepting   zset     records that nobody was promised yet, by when they came
//   order       zset     jobs not final by when they are due: the rank is the position
//   expiring    zset     jobs not final by when they expire
//   ended       zset     final jobs by when they ended; results: those whose result is still held
//   meta        hash     seq, last (the latest order score), bytes, expired, damaged
//   processes   hash     consumer ─▶ number of its connection: what a dead connection still had under way is refused
//
//          append ─▶ XADD work ──claim: XREADGROUP, XAUTOCLAIM──▶ pending ──succeed, dead_letter──▶ XACK, XDEL
//                      ▲                                            │ retry, defer, release at a time
//                      └────────── claim: what has come due ── ZADD delayed
//
// Reply: {view, word, …}: the view after the change (reply.h), `ok` or what was wrong.
#pragma once

#include "redis/client.h"

namespace tidegate::jobs {

// Each is named after its file.
struct RedisScripts {
  RedisScripts();

  redis::Script append, admit;
  redis::Script claim, claim_id;
  redis::Script renew, succeed, retry, defer, dead_letter, release, damaged;
  redis::Script find, list, result;
  redis::Script cancel, replay, purge;
  redis::Script prepare, leave, view, tidy;
};

}  // namespace tidegate::jobs
