#include "jobs/replay/replayer.h"

#include <algorithm>
#include <atomic>

#include "base/assert.h"
#include "base/log.h"
#include "jobs/replay/job_run.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kIdlePollInterval = 10s;  // for expiry
constexpr Duration kTidyInterval = 5s;
constexpr Duration kStoreRecheckDelay = 1s;
constexpr Duration kPollIntervalMin = 50ms;
constexpr size_t kWaitingForStoreMax = 4 * Replayer::kClaimBatchMax;
constexpr double kNewestWeight = 0.2;  // of the newest run in the typical one

}  // namespace

class Replayer::Impl {
 public:
  Impl(net::Runtime& runtime, JobQueue& queue, JobRunner& runner, const config::Replay& config, JobObserver observer,
       EndAnnouncer* announcer)
      : context_{runtime,
                 queue,
                 runner,
                 std::make_shared<const config::Replay>(config),
                 std::move(observer),
                 announcer,
                 [this] { on_capacity_freed(); }},
        routes_(runner.routes_of(queue)),
        wake_(runtime, [this] { drive(); }) {}

  ~Impl() { context_.queue.on_work(context_.runtime, {}); }

  void start() {
    started_ = true;
    context_.queue.on_work(context_.runtime, [this] { drive(); });
    wake_.start_after(Duration(0));
  }

  void reconfigure(const config::Replay& config) {
    context_.config = std::make_shared<const config::Replay>(config);
    routes_ = context_.runner.routes_of(context_.queue);
    runs_allowed_ = std::min(runs_allowed_, config.concurrency);
    if (started_ && !draining_) wake_.start_after(Duration(0));
  }

  void drain(std::function<void()> done) {
    drained_ = std::move(done);
    draining_ = true;
    wake_.stop();
    for (size_t i = runs_.size(); i-- > 0;) runs_[i]->stop_admitting();
    check_drained();
  }

  void resume() {
    draining_ = false;
    drained_ = nullptr;
    if (started_) wake_.start_after(Duration(0));
  }

  void cut_off() {
    for (const auto& run : runs_) run->cut_off();
  }

  double drain_rate() const { return rate_.load(std::memory_order_relaxed); }
  int running() const { return running_.load(std::memory_order_relaxed); }
  bool wants_probe() const { return wants_probe_.load(std::memory_order_relaxed); }

 private:
  // Claims, as far as the runs allowed, the store and the breakers permit; else sets the timer for when they may.
  void drive() {
    if (draining_ || !has_room()) return;
    const QueueView view = context_.queue.view();
    count_unclaimed_ends(view);
    if (!view.available) return idle_for(kStoreRecheckDelay);
    tidy_now_and_then();
    if (!view.next_due_at) return idle_for(kIdlePollInterval);
    const Duration due_in = *view.next_due_at - context_.runtime.wall_now();
    if (due_in > Duration(0)) return idle_for(due_in);
    if (const auto refused_for = all_refuse()) {
      runs_allowed_ = 1;
      succeeded_in_a_row_ = 0;
      // A job waits for the breaker alone: it will be the probe, where it is a job's turn.
      wants_probe_ = std::all_of(routes_.begin(), routes_.end(),
                                 [this](const auto& route) { return context_.wants_probe(route); });
      return wake_in(*refused_for);
    }
    while (claiming_ < std::max(claim_batch_, free_runs())) claim();
  }

  // A store commits claims in groups: one claim at a time would be limited by its commits. While a job has to wait for
  // its slot, the next ones would only be given back.
  size_t free_runs() const {
    const size_t busy = count_busy();
    const auto allowed = static_cast<size_t>(runs_allowed_);
    return crowded_ || busy >= allowed ? 1 : allowed - busy;
  }

  // Runs that occupy the upstream, or are about to. Those that wait for the store alone are not counted.
  size_t count_busy() const {
    return static_cast<size_t>(std::count_if(runs_.begin(), runs_.end(),
                                             [](const auto& run) { return !run->giving_back() && !run->settling(); }));
  }

  void claim() {
    const auto free = std::find(claims_.begin(), claims_.end(), nullptr);
    const auto which = static_cast<size_t>(free - claims_.begin());
    if (free == claims_.end()) claims_.emplace_back();
    ++claiming_;
    claims_[which] =
        context_.queue.claim(context_.runtime, JobRun::kLease,
                             [this, which](Result<std::optional<ClaimedJob>> job) { on_claim(which, std::move(job)); });
  }

  // Room for one more run; those that wait for the store are bounded too.
  bool has_room() const {
    const size_t busy = count_busy();
    if (busy >= static_cast<size_t>(runs_allowed_) || runs_.size() - busy >= kWaitingForStoreMax) return false;
    return std::none_of(runs_.begin(), runs_.end(), [](const auto& run) { return run->admitting(); });
  }

  void on_claim(size_t which, Result<std::optional<ClaimedJob>> job) {
    const auto claimed = std::move(claims_[which]);
    --claiming_;
    if (job && *job) {
      const bool room = has_room();
      runs_.push_back(std::make_unique<JobRun>(context_, std::move(**job),
                                               [this](JobRun& run, JobRunEnd end) { on_run_end(run, end); }));
      running_ = static_cast<int>(runs_.size());
      JobRun& run = *runs_.back();
      draining_ ? run.stop_admitting() : room ? run.start() : run.refuse();
      crowded_ = !room || run.admitting();
      if (!run.giving_back()) claim_batch_ = 1;
      return drive();
    }
    if (draining_) return check_drained();
    claim_batch_ = 1;
    idle_for(job ? kPollIntervalMin : kStoreRecheckDelay);
  }

  void on_run_end(JobRun& ended, JobRunEnd how) {
    const auto run = std::find_if(runs_.begin(), runs_.end(), [&](const auto& l) { return l.get() == &ended; });
    context_.runtime.dispose(std::move(*run));
    runs_.erase(run);
    running_ = static_cast<int>(runs_.size());
    wants_probe_ = false;
    // Refused jobs lie before those that could run: larger batches get past them.
    if (how == JobRunEnd::refused) claim_batch_ = std::min(2 * claim_batch_, kClaimBatchMax);
    if (how == JobRunEnd::succeeded || how == JobRunEnd::dead || how == JobRunEnd::retried) {
      claim_batch_ = 1;
      if (ended.ran()) adjust_runs_allowed(how, ended.begun_at());
    }
    if ((how == JobRunEnd::succeeded || how == JobRunEnd::dead) && ended.ran() && ended.ran_for() > Duration(0))
      note_pace(ended.ran_for());
    if (draining_) return check_drained();
    wake_.start_after(Duration(0));
  }

  void adjust_runs_allowed(JobRunEnd how, Time begun_at) {
    if (how != JobRunEnd::succeeded) {
      runs_allowed_ = 1;
      succeeded_in_a_row_ = 0;
      failed_at_ = context_.runtime.now();
    } else if (begun_at >= failed_at_ && ++succeeded_in_a_row_ >= runs_allowed_) {
      runs_allowed_ = std::min(runs_allowed_ * 2, context_.config->concurrency);
      succeeded_in_a_row_ = 0;
    }
  }

  // The time until some route's breaker may permit calls; none = one permits them now.
  std::optional<Duration> all_refuse() {
    std::optional<Duration> shortest;
    for (const std::string& route : routes_) {
      const auto refusal = context_.refusal_of(route);
      if (!refusal) return std::nullopt;
      shortest = std::min(shortest.value_or(*refusal), *refusal);
    }
    return shortest;
  }

  // Jobs that ended without being claimed.
  void count_unclaimed_ends(const QueueView& view) {
    for (; expired_ < view.expired_total; ++expired_) context_.observer({JobEvent::expired, {}, ""});
    for (; damaged_ < view.damaged_total; ++damaged_) context_.observer({JobEvent::dead, {}, "damaged_record"});
    expired_ = view.expired_total;  // a store that was opened again counts from 0
    damaged_ = view.damaged_total;
  }

  void idle_for(Duration wait) {
    wants_probe_ = false;
    wake_in(wait);
  }

  // A run has what it needs, or needs nothing more: the next job may be claimed.
  void on_capacity_freed() {
    wants_probe_ = false;
    wake_.start_after(Duration(0));
  }

  void tidy_now_and_then() {
    const Time now = context_.runtime.now();
    if (now - tidied_at_ < kTidyInterval) return;
    tidied_at_ = now;
    context_.queue.tidy(context_.runtime);
  }

  void wake_in(Duration wait) { wake_.start_after(std::clamp(wait, kPollIntervalMin, kIdlePollInterval)); }

  // The time of jobs that went to their end gives the rate of all runs together.
  void note_pace(Duration ran_for) {
    const double took_s = std::max(to_seconds(ran_for), 1e-3);
    typical_s_ = typical_s_ == 0 ? took_s : typical_s_ + kNewestWeight * (took_s - typical_s_);
    rate_ = context_.config->concurrency / typical_s_;
  }

  void check_drained() {
    if (!runs_.empty() || claiming_ > 0 || !drained_) return;
    context_.runtime.post(std::exchange(drained_, nullptr));
  }

  JobRunContext context_;
  std::vector<std::string> routes_;
  std::vector<std::unique_ptr<JobRun>> runs_;
  std::vector<std::unique_ptr<net::Operation>> claims_;
  size_t claiming_ = 0;     // of them, those that are under way
  size_t claim_batch_ = 1;  // claims at once, past jobs that are refused
  bool crowded_ = false;    // the last job that was claimed had to wait for its slot
  net::Timer wake_;
  int runs_allowed_ = 1;  // at once
  int succeeded_in_a_row_ = 0;
  Time failed_at_ = Time::min();
  bool started_ = false;
  bool draining_ = false;
  std::function<void()> drained_;
  uint64_t expired_ = 0;
  uint64_t damaged_ = 0;
  Time tidied_at_{};
  std::atomic<bool> wants_probe_{false};
  std::atomic<int> running_{0};
  std::atomic<double> rate_{0};
  double typical_s_ = 0;  // of one job, until its end
};

std::unique_ptr<net::Operation> JobRunner::fetch_body(const JobRoutePtr&, const ClaimedJob&,
                                                      std::function<void(FetchedBody)>) {
  TG_ASSERT(false);  // a job of this runner has a reference
}

Replayer::Replayer(net::Runtime& runtime, JobQueue& queue, JobRunner& runner, const config::Replay& config,
                   JobObserver observer, EndAnnouncer* announcer)
    : impl_(std::make_unique<Impl>(runtime, queue, runner, config, std::move(observer), announcer)) {}
Replayer::~Replayer() = default;
void Replayer::start() { impl_->start(); }
void Replayer::reconfigure(const config::Replay& config) { impl_->reconfigure(config); }
void Replayer::drain(std::function<void()> done) { impl_->drain(std::move(done)); }
void Replayer::resume() { impl_->resume(); }
void Replayer::cut_off() { impl_->cut_off(); }
double Replayer::drain_rate() const { return impl_->drain_rate(); }
int Replayer::running() const { return impl_->running(); }
bool Replayer::wants_probe() const { return impl_->wants_probe(); }

}  // namespace tidegate::jobs
