#include "sim/sim_process.h"

#include <deque>
#include <utility>

#include "base/assert.h"
#include "cli/reload/checks.h"
#include "core/listeners.h"
#include "core/replay/replaying.h"
#include "core/worker.h"

namespace tidegate::sim {

namespace {

constexpr uint64_t kThreadDelayMax = 20'000'000;  // nanoseconds, until a thread does what it is asked to
constexpr Duration kLameDuck = 3s;
constexpr Duration kCutOffBound = 4s;

core::Policies::QueueStores open_stores(ProcessHost& host, const config::Config& config) {
  core::Policies::QueueStores stores;
  for (const auto& [name, queue] : config.queues) stores[name] = host.open_store(name);
  return stores;
}

}  // namespace

// A worker. What others ask of it is done in order, and some time later.
class SimProcess::Thread {
 public:
  Thread(SimProcess& process, bool replays)
      : worker(process.runtime_, *process.gateway_),
        listeners(std::make_unique<core::Listeners>(worker)),
        process_(process),
        next_(process.runtime_, [this] { run_next(); }) {
    TG_ASSERT(listeners->listen().ok());
    if (!replays) return;
    replaying = std::make_unique<core::Replaying>(worker);
    replaying->start();
  }
  ~Thread() {
    replaying.reset();
    listeners.reset();
    process_.runtime_.delete_disposed();  // exchanges, which give back what the gateway counts
  }

  void post(std::function<void()> task) {
    tasks_.push_back(std::move(task));
    if (tasks_.size() == 1) wait();
  }

  core::Worker worker;
  std::unique_ptr<core::Listeners> listeners;
  std::unique_ptr<core::Replaying> replaying;

 private:
  void wait() { next_.start_after(Duration(static_cast<int64_t>(process_.random_.below(kThreadDelayMax)))); }
  void run_next() {
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    if (!tasks_.empty()) wait();
    task();
  }

  SimProcess& process_;
  std::deque<std::function<void()>> tasks_;
  net::Timer next_;
};

SimProcess::SimProcess(net::SimRuntime& runtime, ProcessHost& host, std::shared_ptr<const config::Config> config,
                       size_t workers, uint64_t seed, Counts& counts)
    : runtime_(runtime),
      host_(host),
      random_(seed),
      counts_(counts),
      metrics_(metrics::Metrics::make(*config, "sim", "sim")),
      gateway_(std::make_unique<core::Gateway>(runtime, config, *metrics_, open_stores(host, *config), random_.next())),
      timer_(runtime, [this] { on_time_over(); }) {
  host_.on_table_built(gateway_->table());
  host_.on_table_in_force(config);
  for (size_t i = 0; i < workers; ++i) threads_.push_back(std::make_unique<Thread>(*this, i == 0));
}

SimProcess::~SimProcess() {
  if (replaced_) host_.on_table_replaced(replaced_->config());
  host_.on_table_replaced(gateway_->table()->config());
  replaced_.reset();
  table_.reset();
  while (!threads_.empty()) threads_.pop_back();  // the first one has what the others look at
}

void SimProcess::reload(std::shared_ptr<const config::Config> config, Fate fate, std::function<void()> committed) {
  if (reload_ != Reload::idle || stops()) return;
  next_ = std::move(config);
  fate_ = fate;
  committed_ = std::move(committed);
  gateway_->policies().stop_appends_but_of(*next_);
  if (refuses_removals()) {
    ++counts_.refused;
    gateway_->policies().take_appends_of(gateway_->table()->config());
    return;
  }
  reload_ = Reload::preparing;
  open_new_stores();
  metrics_->add_configured(*next_);
  table_ = core::RouteTable::build(next_, gateway_->policies());
  host_.on_table_built(table_);
  if (fate_ == Fate::refused_when_built) return end_roll_back();
  threads_left_ = threads_.size();
  for (auto& thread : threads_) {
    thread->post([this, &thread = *thread] {
      TG_ASSERT(thread.listeners->prepare(table_).ok());
      on_prepared();
    });
  }
}

bool SimProcess::refuses_removals() const {
  return !cli::refuse_removals(*next_, gateway_->table()->config(), gateway_->policies()).empty();
}

void SimProcess::open_new_stores() {
  core::Policies::QueueStores stores;
  for (const auto& [name, queue] : next_->queues) {
    if (gateway_->policies().queues().contains(name)) continue;
    stores[name] = host_.open_store(name);
    added_queues_.push_back(name);
  }
  gateway_->policies().add(std::move(stores), {});
}

void SimProcess::close_added() {
  for (const std::string& name : std::exchange(added_queues_, {})) {
    gateway_->policies().close(name, [] {});
    host_.on_store_closed(name);
  }
}

void SimProcess::on_prepared() {
  if (--threads_left_ > 0) return;
  if (fate_ == Fate::applied && !stops() && !refuses_removals()) return commit();
  roll_back();
}

void SimProcess::commit() {
  reload_ = Reload::committing;
  added_queues_.clear();
  replaced_ = gateway_->table();
  host_.on_table_in_force(next_);
  gateway_->use(std::move(table_));
  threads_left_ = threads_.size();
  for (auto& thread : threads_) {
    thread->post([this, &thread = *thread] {
      thread.listeners->commit();
      if (thread.replaying) thread.replaying->use_table_in_force();
      if (--threads_left_ > 0) return;
      reload_ = Reload::idle;
      ++counts_.applied;
      host_.on_table_replaced(replaced_->config());
      replaced_.reset();
    });
  }
  committed_();
}

void SimProcess::roll_back() {
  reload_ = Reload::rolling_back;
  threads_left_ = threads_.size();
  for (auto& thread : threads_) {
    thread->post([this, &thread = *thread] {
      thread.listeners->roll_back();
      if (--threads_left_ == 0) end_roll_back();
    });
  }
}

void SimProcess::end_roll_back() {
  table_.reset();
  gateway_->policies().roll_back();
  close_added();
  gateway_->policies().take_appends_of(gateway_->table()->config());
  reload_ = Reload::idle;
  ++counts_.rolled_back;
}

void SimProcess::stop(std::function<void()> ended) {
  ended_ = std::move(ended);
  if (!random_.chance(0.5)) return drain();
  state_ = State::lame_duck;
  gateway_->set_lame_duck();
  for (auto& thread : threads_) thread->post([&thread = *thread] { thread.listeners->begin_lame_duck(); });
  timer_.start_after(kLameDuck);
}

void SimProcess::on_time_over() {
  if (state_ == State::lame_duck) return drain();
  state_ == State::draining ? cut_off() : end();
}

void SimProcess::drain() {
  state_ = State::draining;
  gateway_->set_draining();
  timer_.start_after(gateway_->table()->config().shutdown_grace);
  const auto one_done = [this] {
    if (--drains_left_ == 0) end();
  };
  drains_left_ = threads_.size() + 1;
  for (auto& thread : threads_) {
    thread->post([one_done, &thread = *thread] {
      if (thread.replaying) thread.replaying->drain(one_done);
      thread.listeners->drain(one_done);
    });
  }
}

void SimProcess::cut_off() {
  state_ = State::cut_off;
  ++counts_.cut_off;
  for (auto& thread : threads_) {
    thread->post([&thread = *thread] {
      if (thread.replaying) thread.replaying->cut_off();
      thread.listeners->cut_off();
    });
  }
  timer_.start_after(kCutOffBound);
}

void SimProcess::end() {
  if (state_ == State::ended) return;
  state_ = State::ended;
  timer_.stop();
  const auto ended = std::move(ended_);
  runtime_.post(ended);
}

}  // namespace tidegate::sim
