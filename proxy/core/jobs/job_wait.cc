#include "core/jobs/job_wait.h"

#include <algorithm>

namespace tidegate::core {

using jobs::JobRecord;

JobWait::JobWait(Worker& worker, QueueState& queue, std::string id, Time until, Done done)
    : worker_(worker),
      queue_(queue),
      id_(std::move(id)),
      until_(until),
      done_(std::move(done)),
      listening_(queue.events.listen(worker.runtime(), id_, [this] { heard(); })),
      timer_(worker.runtime(), [this] { look(); }) {
  look();
}

void JobWait::look() {
  timer_.stop();
  news_came_ = false;
  looking_ = queue_.queue->find(worker_.runtime(), id_, [this](Result<JobRecord> record) { seen(std::move(record)); });
}

void JobWait::seen(Result<JobRecord> record) {
  const auto looked = std::move(looking_);  // this is its callback
  const Time now = worker_.runtime().now();
  const bool over = now >= until_ || worker_.gateway().draining() || !listening_;
  if (over || !record || jobs::is_final(record->status)) {
    listening_.reset();
    const Done done = std::move(done_);
    return done(std::move(record));  // may destroy this
  }
  if (news_came_) return look();
  timer_.start_at(std::min(until_, now + apart_));
  apart_ = std::min(apart_ + apart_ / 2, kLooksApartMax);
}

void JobWait::heard() {
  news_came_ = true;
  if (!looking_) look();
}

}  // namespace tidegate::core
