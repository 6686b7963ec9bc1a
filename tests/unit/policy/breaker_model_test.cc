// The breaker against an independent model, written from its description alone, over seeded random schedules: the same
// decisions, states and reasons, event by event.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "base/random.h"
#include "policy/breaker.h"

namespace tidegate::policy {

namespace {

constexpr Time kStart{300s};

// Keeps every call and recomputes everything from that list at each question.
class Model {
 public:
  explicit Model(const BreakerConfig& config) : config_(config) {}

  BreakerState state_at(Time now) {
    if (state_ == BreakerState::open && now > since_ + config_.open_for) enter(BreakerState::half_open, now);
    if (state_ == BreakerState::half_open) {
      for (const auto& [id, begun] : probing_) {
        if (now > begun + config_.half_open_timeout + Breaker::kProbeGrace) {
          enter(BreakerState::open, now);
          break;
        }
      }
    }
    return state_;
  }
  bool would_refuse(Time now) {
    state_at(now);
    if (state_ != BreakerState::half_open) return state_ == BreakerState::open;
    return static_cast<int>(probing_.size()) + probed_ >= config_.half_open_requests;
  }
  bool start(int id, Time now) {
    if (would_refuse(now)) return false;
    if (state_ == BreakerState::half_open) probing_[id] = now;
    epoch_of_[id] = epoch_;
    return true;
  }
  void finish(int id, Verdict verdict, bool slow, Time now) {
    state_at(now);
    if (epoch_of_[id] != epoch_) return;
    const auto probe = probing_.find(id);
    const bool in_time = probe == probing_.end() || now < probe->second + config_.half_open_timeout;
    probing_.erase(id);
    if (verdict == Verdict::ignored) return;
    if (!in_time) return enter(BreakerState::open, now);
    if (state_ == BreakerState::half_open) {
      if (verdict == Verdict::failure) return enter(BreakerState::open, now);
      if (++probed_ == config_.half_open_requests) enter(BreakerState::closed, now);
      return;
    }
    calls_.push_back({now, verdict == Verdict::failure, slow});
    if (verdict == Verdict::failure || slow) judge(now);
  }

 private:
  struct Call {
    Time at;
    bool failed, slow;
  };
  void enter(BreakerState next, Time now) {
    state_ = next;
    since_ = now;
    ++epoch_;
    calls_.clear();
    probing_.clear();
    probed_ = 0;
  }
  void judge(Time now) {
    int run = 0;
    for (auto call = calls_.rbegin(); call != calls_.rend() && call->failed; ++call) ++run;
    if (config_.consecutive_failures > 0 && run >= config_.consecutive_failures) return enter(BreakerState::open, now);
    const Duration span = config_.window / config_.window_buckets;
    const int64_t newest = (now - since_) / span;
    int calls = 0, failed = 0, slow = 0;
    for (const Call& call : calls_) {
      if ((call.at - since_) / span <= newest - config_.window_buckets) continue;
      ++calls;
      failed += call.failed;
      slow += call.slow;
    }
    if (calls < config_.min_requests) return;
    const bool too_many_failed = config_.failure_ratio > 0 && failed >= config_.failure_ratio * calls;
    const bool too_many_slow = config_.slow_call && slow >= config_.slow_call->ratio * calls;
    if (too_many_failed || too_many_slow) enter(BreakerState::open, now);
  }

  BreakerConfig config_;
  BreakerState state_ = BreakerState::closed;
  Time since_ = kStart;
  int epoch_ = 0;
  std::vector<Call> calls_;  // finished in this epoch
  std::map<int, Time> probing_;
  int probed_ = 0;  // successfully
  std::map<int, int> epoch_of_;
};

BreakerConfig random_config(Random& random) {
  BreakerConfig config;
  config.consecutive_failures = random.chance(0.3) ? 0 : 1 + static_cast<int>(random.below(8));
  // Quarters and eighths: exact in binary, so that the model's products and the breaker's quotients agree.
  config.failure_ratio = random.chance(0.3) ? 0 : static_cast<double>(1 + random.below(8)) / 8;
  config.min_requests = 1 + static_cast<int>(random.below(12));
  config.window = Duration(static_cast<int64_t>(1 + random.below(20)) * 1'000'000'000);
  config.window_buckets = 2 + static_cast<int>(random.below(10));
  if (random.chance(0.5))
    config.slow_call = SlowCallRule{.threshold = 2s, .ratio = static_cast<double>(1 + random.below(4)) / 4};
  config.open_for = config.open_for_max = Duration(static_cast<int64_t>(1 + random.below(20)) * 1'000'000'000);
  config.half_open_requests = 1 + static_cast<int>(random.below(3));
  config.half_open_timeout = Duration(static_cast<int64_t>(1 + random.below(10)) * 1'000'000'000);
  return config;
}

struct Day {
  std::set<BreakerState> seen;
  int wrong = 0;
};

Day run(uint64_t seed) {
  Random random(seed);
  const BreakerConfig config = random_config(random);
  const double fails = random.uniform();
  Breaker breaker("model", config, kStart, seed);
  Model model(config);
  struct Call {
    Permit permit;
    Time begun;
  };
  std::map<int, Call> running;
  Time now = kStart;
  Day day;
  for (int id = 0; id < 600; ++id) {
    now += Duration(static_cast<int64_t>(random.below(random.chance(0.05) ? 30'000'000'000 : 700'000'000)));
    if (running.size() < 10 && random.chance(0.55)) {
      auto acquired = breaker.acquire(now);
      day.wrong += acquired.refused.has_value() == model.start(id, now);
      if (!acquired.refused) running.emplace(id, Call{std::move(acquired.permit), now});
    } else if (!running.empty()) {
      auto call = std::next(running.begin(), static_cast<int64_t>(random.below(running.size())));
      const double what = random.uniform();
      const Verdict verdict = what < 0.1                 ? Verdict::ignored
                              : random.uniform() < fails ? Verdict::failure
                                                         : Verdict::success;
      const bool slow = config.slow_call && now - call->second.begun >= config.slow_call->threshold;
      if (what < 0.05) {
        breaker.advance(now);  // a dropped permit tells no time: the owner's timer must have come first
        call->second.permit = Permit();
      } else {
        call->second.permit.report(verdict, now, "", now - call->second.begun);
      }
      model.finish(call->first, verdict, slow, now);
      running.erase(call);
    }
    day.wrong += breaker.peek(now).has_value() != model.would_refuse(now);
    breaker.advance(now);
    const BreakerState state = breaker.view(now).state;
    day.seen.insert(state);
    day.wrong += state != model.state_at(now);
  }
  return day;
}

}  // namespace

TEST_CASE("The breaker and its model agree on two thousand random days") {
  std::map<BreakerState, int> seen;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    CAPTURE(seed);
    const Day day = run(seed);
    REQUIRE(day.wrong == 0);
    for (const BreakerState state : day.seen) ++seen[state];
  }
  CHECK(seen[BreakerState::closed] == 2000);
  CHECK(seen[BreakerState::open] > 1000);  // the days were not all fair
  CHECK(seen[BreakerState::half_open] > 1000);
}

}  // namespace tidegate::policy
