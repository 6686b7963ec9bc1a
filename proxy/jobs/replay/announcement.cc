#include "jobs/replay/announcement.h"

#include "net/finished.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kRetryDelay = 200ms;

}  // namespace

Announcement::Announcement(JobRunContext& context, const ClaimedJob& job, JobEvent end, std::function<void()> over)
    : context_(context),
      job_(job),
      end_(end),
      over_(std::move(over)),
      until_(context.runtime.now() + Replayer::kAnnounceWithin),
      wait_(context.runtime, [this] { announce(); }) {
  announce();
}

void Announcement::announce() {
  if (context_.runtime.now() >= until_) return lose("no acknowledgement in time");
  wait_.start_at(until_);
  work_ = context_.announcer->announce(job_, end_, calls_++, [this](const Status& status) { on_announced(status); });
}

void Announcement::on_announced(const Status& status) {
  const auto finished = net::finished(work_);
  wait_.stop();
  if (status) return over_();
  const Time again = context_.runtime.now() + kRetryDelay;
  if (again >= until_ || status.error().code == ErrorCode::exhausted) return lose(status.error().message);
  wait_.start_at(again);
}

void Announcement::lose(const std::string& reason) {
  work_.reset();
  context_.announcer->lost(job_, end_, reason);
  over_();
}

}  // namespace tidegate::jobs
