#include "core/replaying.h"

#include "base/log.h"

namespace tidegate::core {

namespace {

void note(QueueState& queue, const std::string& name, jobs::JobEvent event, const jobs::ClaimedJob& job,
          const std::string& detail) {
  queue.metrics->job_event(to_string(event));
  if (event == jobs::JobEvent::replayed) return;  // its end is what matters
  queue.news.tell(job.id);
  const bool alarming = event == jobs::JobEvent::dead;
  if (job.id.empty()) return;  // ended without being claimed: the store has told
  log_event(alarming ? LogLevel::warn : LogLevel::info, std::string("job_") + to_string(event),
            {{"queue", name},
             {"job_id", job.id},
             {"route", job.route},
             {"attempt", job.attempt},
             {"max_attempts", job.max_attempts},
             {"detail", detail}});
}

}  // namespace

Replaying::Replaying(Worker& worker) : worker_(worker), runner_(worker) {
  Gateway& gateway = worker.gateway();
  for (auto& [name, queue] : gateway.queues()) {
    const config::Replay& config = gateway.config().queues.at(name).replay;
    auto observer = [&state = queue, &queue_name = name](jobs::JobEvent event, const jobs::ClaimedJob& job,
                                                         const std::string& detail) {
      note(state, queue_name, event, job, detail);
    };
    replayers_.push_back(
        std::make_unique<jobs::Replayer>(worker.runtime(), *queue.queue, runner_, config, std::move(observer)));
    queue.replayer = replayers_.back().get();
  }
}

Replaying::~Replaying() {
  for (auto& [name, queue] : worker_.gateway().queues()) queue.replayer = nullptr;
}

void Replaying::start() {
  for (auto& replayer : replayers_) replayer->start();
}

void Replaying::drain(std::function<void()> done) {
  draining_left_ = replayers_.size();
  if (draining_left_ == 0) return worker_.runtime().post(std::move(done));
  drained_ = std::move(done);
  for (auto& replayer : replayers_) {
    replayer->drain([this] {
      if (--draining_left_ == 0) drained_();
    });
  }
}

}  // namespace tidegate::core
