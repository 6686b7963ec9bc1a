#include "core/jobs/job_wait.h"

#include <algorithm>

#include "net/finished.h"

namespace tidegate::core {

using jobs::JobRecord;

JobWait::JobWait(Worker& worker, QueueState& queue, std::string id, Time until, Done done)
    : worker_(worker),
      queue_(queue),
      id_(std::move(id)),
      until_(until),
      done_(std::move(done)),
      listening_(queue.events.listen(worker.runtime(), id_, [this] { on_event(); })),
      timer_(worker.runtime(), [this] { query(); }) {
  query();
}

void JobWait::query() {
  state_ = State::querying;
  timer_.stop();
  querying_ =
      queue_.queue->find(worker_.runtime(), id_, [this](Result<JobRecord> record) { on_record(std::move(record)); });
}

void JobWait::on_record(Result<JobRecord> record) {
  const auto finished = net::finished(querying_);
  const Time now = worker_.runtime().now();
  const bool over = now >= until_ || worker_.gateway().draining() || !listening_;
  if (over || !record || jobs::is_final(record->status)) {
    state_ = State::done;
    listening_.reset();
    const Done done = std::move(done_);
    return done(std::move(record));  // may destroy this
  }
  if (state_ == State::querying_again) return query();
  state_ = State::waiting;
  timer_.start_at(std::min(until_, now + interval_));
  interval_ = std::min(interval_ + interval_ / 2, kQueryIntervalMax);
}

void JobWait::on_event() {
  switch (state_) {
    case State::querying: state_ = State::querying_again; return;
    case State::waiting: return query();
    case State::querying_again:
    case State::done: return;
  }
}

}  // namespace tidegate::core
