// Calls of a spooled queue about one job that the spool or the server has: the spool is queried first, since jobs move
// to the server only.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "jobs/job_queue.h"
#include "net/finished.h"

namespace tidegate::jobs {

// Several calls, one after the other, as one operation.
class Sequence final : public net::Operation {
 public:
  OperationPtr current;
};

// Calls `first`; where it does not know the job, or cannot be asked, `second`. An error of one that cannot be asked is
// the result rather than the other's not_found.
template <typename T>
OperationPtr ask_in_turn(std::function<OperationPtr(Callback<T>)> first,
                         std::function<OperationPtr(Callback<T>)> second, Callback<T> done) {
  auto sequence = std::make_unique<Sequence>();
  Sequence* raw = sequence.get();
  raw->current = first([raw, second = std::move(second), done = std::move(done)](Result<T> result) {
    if (result.ok()) return done(std::move(result));
    const Error error = result.error();
    if (error.code != ErrorCode::not_found && error.code != ErrorCode::unavailable) return done(error);
    const auto finished = net::finished(raw->current);
    raw->current = second([error, done](Result<T> found) {
      const bool not_there = !found.ok() && found.error().code == ErrorCode::not_found;
      done(not_there ? Result<T>(error) : std::move(found));
    });
  });
  return sequence;
}

// A job that the forwarder holds is, to everybody else, queued.
inline Callback<JobRecord> as_queued(Callback<JobRecord> done) {
  return [done = std::move(done)](Result<JobRecord> record) {
    if (record && !is_final(record->status)) {
      record->status = JobStatus::queued;
      record->attempt = 0;
      record->next_attempt_at.reset();
    }
    done(std::move(record));
  };
}

}  // namespace tidegate::jobs
