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

Replaying::Replaying(Worker& worker) : worker_(worker), runner_(worker) {
  const RouteTable& table = *worker.table();
  for (const auto& [name, queue] : table.queues()) add(name, *queue, table.config().queues.at(name));
}

void Replaying::add(const std::string& name, QueueState& queue, const config::Queue& config) {
  Replayed& added = replayed_[name];
  added.queue = &queue;
  added.announcer = std::make_unique<CallbackAnnouncer>(worker_, queue, config);
  added.jobs = std::make_unique<jobs::Replayer>(worker_.runtime(), *queue.queue, runner_, config.replay,
                                                observer_of({*queue.metrics, &queue.events, name, "job"}),
                                                added.announcer.get());
  queue.replayer = added.jobs.get();
  if (started_) added.jobs->start();
  if (queue.callbacks) add_callbacks(name, added, config);
}

void Replaying::add_callbacks(const std::string& name, Replayed& replayed, const config::Queue& config) {
  QueueState& queue = *replayed.queue;
  replayed.callback_runner = std::make_unique<CallbackRunner>(worker_, queue);
  replayed.callbacks = std::make_unique<jobs::Replayer>(
      worker_.runtime(), *queue.callbacks, *replayed.callback_runner, config.replay,
      observer_of({*queue.callback_metrics, nullptr, callbacks_name(name), "callback"}));
  if (started_) replayed.callbacks->start();
}

Replaying::~Replaying() {
  for (auto& [name, replayed] : replayed_) replayed.queue->replayer = nullptr;
}

std::vector<jobs::Replayer*> Replaying::replayers() const {
  std::vector<jobs::Replayer*> all;
  for (const auto& [name, replayed] : replayed_) {
    all.push_back(replayed.jobs.get());
    if (replayed.callbacks) all.push_back(replayed.callbacks.get());
  }
  return all;
}

void Replaying::start() {
  started_ = true;
  for (jobs::Replayer* replayer : replayers()) replayer->start();
}

// A queue that is not configured any more keeps its settings to its end: see forget().
void Replaying::use_table_in_force() {
  for (const auto& [name, queue] : worker_.table()->queues()) {
    const config::Queue& config = worker_.table()->config().queues.at(name);
    const auto known = replayed_.find(name);
    if (known == replayed_.end()) {
      add(name, *queue, config);
      continue;
    }
    Replayed& replayed = known->second;
    replayed.announcer->reconfigure(config);
    replayed.jobs->reconfigure(config.replay);
    if (replayed.callbacks) replayed.callbacks->reconfigure(config.replay);
    else if (queue->callbacks) add_callbacks(name, replayed, config);
  }
}

void Replaying::forget(const std::string& queue) {
  const auto found = replayed_.find(queue);
  if (found == replayed_.end()) return;
  found->second.queue->replayer = nullptr;
  replayed_.erase(found);
}

void Replaying::drain(std::function<void()> done) {
  draining_left_ = replayers().size();
  if (draining_left_ == 0) return worker_.runtime().post(std::move(done));
  drained_ = std::move(done);
  ++drain_;
  for (jobs::Replayer* replayer : replayers()) {
    replayer->drain([this, drain = drain_] {
      if (drain == drain_ && --draining_left_ == 0) drained_();
    });
  }
}

void Replaying::resume() {
  ++drain_;
  for (jobs::Replayer* replayer : replayers()) replayer->resume();
}

void Replaying::cut_off() {
  for (jobs::Replayer* replayer : replayers()) replayer->cut_off();
}

}  // namespace tidegate::core
