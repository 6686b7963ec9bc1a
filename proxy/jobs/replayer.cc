#include "jobs/replayer.h"

#include <algorithm>
#include <atomic>

#include "base/log.h"
#include "jobs/replay_lane.h"

namespace tidegate::jobs {

namespace {

constexpr Duration kHeartbeat = 10s;  // how often an idle queue is looked at all the same (expiry)
constexpr Duration kTidyEvery = 5s;
constexpr Duration kStoreAwayWait = 1s;
constexpr Duration kSoonest = 50ms;
constexpr double kNewest = 0.2;  // the weight of the newest run in the typical one

}  // namespace

class Replayer::Impl {
 public:
  Impl(net::Runtime& runtime, JobQueue& queue, JobRunner& runner, const config::Replay& config, JobObserver observer)
      : shared_{runtime, queue, runner, config, std::move(observer), [this] { on_running(); }},
        routes_(runner.routes_of(queue)),
        wake_(runtime, [this] { pump(); }) {}

  ~Impl() { shared_.queue.on_work(shared_.runtime, {}); }

  void start() {
    shared_.queue.on_work(shared_.runtime, [this] { pump(); });
    wake_.start_after(Duration(0));
  }

  void drain(std::function<void()> done) {
    drained_ = std::move(done);
    draining_ = true;
    wake_.stop();
    for (size_t i = lanes_.size(); i-- > 0;) lanes_[i]->stop_admitting();
    check_drained();
  }

  double drain_rate() const { return rate_.load(std::memory_order_relaxed); }
  int running() const { return running_.load(std::memory_order_relaxed); }
  bool wants_probe() const { return wants_probe_.load(std::memory_order_relaxed); }

 private:
  // Claims, as far as the lanes, the store and the breakers allow; else sets the timer for when they may.
  void pump() {
    if (draining_ || claiming_ || lanes_.size() >= static_cast<size_t>(allowed_)) return;
    if (std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->admitting(); })) return;
    const QueueView view = shared_.queue.view();
    note_lost(view);
    if (!view.available) return want_nothing_for(kStoreAwayWait);
    tidy_now_and_then();
    if (!view.next_due_at) return want_nothing_for(kHeartbeat);
    const Duration due_in = *view.next_due_at - shared_.runtime.wall_now();
    if (due_in > Duration(0)) return want_nothing_for(due_in);
    if (const auto refused_for = all_refuse()) {
      allowed_ = 1;
      wants_probe_ = true;
      return wake_in(*refused_for);
    }
    claiming_ = shared_.queue.claim(shared_.runtime, ReplayLane::kLease,
                                    [this](Result<std::optional<ClaimedJob>> job) { on_claim(std::move(job)); });
  }

  void on_claim(Result<std::optional<ClaimedJob>> job) {
    const auto claimed = std::move(claiming_);
    if (job && *job) {
      lanes_.push_back(std::make_unique<ReplayLane>(shared_, std::move(**job),
                                                    [this](ReplayLane& lane, LaneEnd end) { on_lane_end(lane, end); }));
      running_ = static_cast<int>(lanes_.size());
      ReplayLane& lane = *lanes_.back();
      draining_ ? lane.stop_admitting() : lane.start();
      return pump();
    }
    if (draining_) return check_drained();
    want_nothing_for(job ? kSoonest : kStoreAwayWait);
  }

  void on_lane_end(ReplayLane& ended, LaneEnd how) {
    const auto lane = std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& l) { return l.get() == &ended; });
    shared_.runtime.dispose(std::move(*lane));
    lanes_.erase(lane);
    running_ = static_cast<int>(lanes_.size());
    wants_probe_ = false;
    if (how == LaneEnd::succeeded) allowed_ = std::min(allowed_ * 2, shared_.config.concurrency);
    if (how == LaneEnd::succeeded || how == LaneEnd::dead) note_pace(ended.ran_for());
    if (draining_) return check_drained();
    wake_.start_after(Duration(0));
  }

  // How long until some route's breaker may permit; none = one permits now.
  std::optional<Duration> all_refuse() {
    std::optional<Duration> shortest;
    for (const std::string& route : routes_) {
      const policy::RoutePolicy* policy = shared_.runner.policy_of(route);
      const auto refusal = policy && policy->breaker ? policy->breaker->peek(shared_.runtime.now()) : std::nullopt;
      if (!refusal) return std::nullopt;
      shortest = std::min(shortest.value_or(refusal->retry_after), refusal->retry_after);
    }
    return shortest;
  }

  // Jobs that ended without a lane.
  void note_lost(const QueueView& view) {
    for (; expired_ < view.expired_total; ++expired_) shared_.observer(JobEvent::expired, {}, "");
    for (; damaged_ < view.damaged_total; ++damaged_) shared_.observer(JobEvent::dead, {}, "damaged_record");
    expired_ = view.expired_total;  // a store that was opened again counts from 0
    damaged_ = view.damaged_total;
  }

  void want_nothing_for(Duration wait) {
    wants_probe_ = false;
    wake_in(wait);
  }

  // A lane has what it needs: the next may be claimed.
  void on_running() {
    wants_probe_ = false;
    wake_.start_after(Duration(0));
  }

  void tidy_now_and_then() {
    const Time now = shared_.runtime.now();
    if (now - tidied_at_ < kTidyEvery) return;
    tidied_at_ = now;
    shared_.queue.tidy(shared_.runtime);
  }

  void wake_in(Duration wait) { wake_.start_after(std::clamp(wait, kSoonest, kHeartbeat)); }

  // Jobs that went to their end tell how long one takes; all lanes together get through so many a second.
  void note_pace(Duration ran_for) {
    const double took_s = std::max(to_seconds(ran_for), 1e-3);
    typical_s_ = typical_s_ == 0 ? took_s : typical_s_ + kNewest * (took_s - typical_s_);
    rate_ = shared_.config.concurrency / typical_s_;
  }

  void check_drained() {
    if (!lanes_.empty() || claiming_ || !drained_) return;
    shared_.runtime.post(std::exchange(drained_, nullptr));
  }

  LaneShared shared_;
  const std::vector<std::string> routes_;
  std::vector<std::unique_ptr<ReplayLane>> lanes_;
  std::unique_ptr<net::Operation> claiming_;
  net::Timer wake_;
  int allowed_ = 1;  // lanes; doubles with each success
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

Replayer::Replayer(net::Runtime& runtime, JobQueue& queue, JobRunner& runner, const config::Replay& config,
                   JobObserver observer)
    : impl_(std::make_unique<Impl>(runtime, queue, runner, config, std::move(observer))) {}
Replayer::~Replayer() = default;
void Replayer::start() { impl_->start(); }
void Replayer::drain(std::function<void()> done) { impl_->drain(std::move(done)); }
double Replayer::drain_rate() const { return impl_->drain_rate(); }
int Replayer::running() const { return impl_->running(); }
bool Replayer::wants_probe() const { return impl_->wants_probe(); }

}  // namespace tidegate::jobs
