#include "jobs/sim/memory_index.h"

namespace tidegate::jobs {

namespace {

uint64_t bytes_of(const MemoryJob& job) { return job.draft.body.size() + (job.result ? job.result->body.size() : 0); }

// `each` is called with every time by which the job is found.
template <typename Each>
void for_each_time(MemoryIndex& index, const MemoryJob& job, Each each) {
  if (!is_final(job.record.status)) {
    each(index.due, job.due_at);
    each(index.created, job.record.created_at);
    each(index.expiring, job.record.expires_at);
    return;
  }
  each(index.ended, *job.record.finished_at);
  if (job.result) each(index.with_result, *job.record.finished_at);
}

}  // namespace

void MemoryIndex::add(const MemoryJob& job) {
  for_each_time(*this, job, [&](TimeIndex& times, WallTime at) { times.emplace(at, job.number); });
  if (!job.draft.dedupe_key.empty()) keys[job.draft.dedupe_key] = job.number;
  ++depth[static_cast<size_t>(job.record.status)];
  bytes += bytes_of(job);
}

void MemoryIndex::remove(const MemoryJob& job) {
  for_each_time(*this, job, [&](TimeIndex& times, WallTime at) { times.erase({at, job.number}); });
  if (!job.draft.dedupe_key.empty()) keys.erase(job.draft.dedupe_key);
  --depth[static_cast<size_t>(job.record.status)];
  bytes -= bytes_of(job);
}

}  // namespace tidegate::jobs
