#include "core/replay/replaying.h"

#include "base/log.h"

namespace tidegate::core {

namespace {

// Whose events an observer notes. `kind`: job or callback; `waiting`: for a job's end, null = nobody does.
struct Observed {
  metrics::QueueMetrics& metrics;
  JobEvents* waiting;
  std::string name;
  const char* kind;
};

void log_note(const Observed& observed, const jobs::JobNote& note) {
  const jobs::ClaimedJob& job = note.job;
  log_event(note.event == jobs::JobEvent::dead ? LogLevel::warn : LogLevel::info,
            std::string(observed.kind) + "_" + to_string(note.event),
            {{"queue", observed.name},
             {"job_id", job.id},
             {"request_id", jobs::request_id_of(job.fields)},
             {"route", job.route},
             {"attempt", job.attempt},
             {"max_attempts", job.max_attempts},
             {"deferrals", job.deferrals},
             {"result_status", note.result_status},
             {"reason", note.reason}});
}

void observe(const Observed& observed, const jobs::JobNote& note) {
  observed.metrics.job_event(note.event);
  if (note.event == jobs::JobEvent::replayed) return;  // its end is what matters
  if (observed.waiting) observed.waiting->notify(note.job.id);
  if (!note.job.id.empty())
    log_note(observed, note);  // else it ended without being claimed, and which it was is not known here
}

jobs::JobObserver observer_of(Observed observed) {
  return [observed = std::move(observed)](const jobs::JobNote& note) { observe(observed, note); };
}

}  // namespace

Replaying::Replaying(Worker& worker) : worker_(worker), table_(worker.table()), runner_(worker) {
  for (auto& [name, queue] : worker.gateway().policies().queues()) {
    const config::Queue& config = table_->config().queues.at(name);
    if (queue.callbacks) announcers_.push_back(std::make_unique<CallbackAnnouncer>(worker, queue, config));
    replayers_.push_back(std::make_unique<jobs::Replayer>(worker.runtime(), *queue.queue, runner_, config.replay,
                                                          observer_of({*queue.metrics, &queue.events, name, "job"}),
                                                          queue.callbacks ? announcers_.back().get() : nullptr));
    queue.replayer = replayers_.back().get();
    if (queue.callbacks) add_callbacks(name, queue);
  }
}

void Replaying::add_callbacks(const std::string& name, QueueState& queue) {
  callback_runners_.push_back(std::make_unique<CallbackRunner>(worker_, queue));
  replayers_.push_back(std::make_unique<jobs::Replayer>(
      worker_.runtime(), *queue.callbacks, *callback_runners_.back(), table_->config().queues.at(name).replay,
      observer_of({*queue.callback_metrics, nullptr, callbacks_name(name), "callback"})));
}

Replaying::~Replaying() {
  for (auto& [name, queue] : worker_.gateway().policies().queues()) queue.replayer = nullptr;
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

void Replaying::cut_off() {
  for (auto& replayer : replayers_) replayer->cut_off();
}

}  // namespace tidegate::core
