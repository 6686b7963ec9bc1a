// What the replayer is tested with: a scripted upstream behind JobRunner, the simulator's queue, real policies.
#pragma once

#include <deque>
#include <map>
#include <set>

#include "base/log.h"
#include "jobs/replay/replayer.h"
#include "unit/jobs/sim/fixture.h"

namespace tidegate::jobs {

inline RunResult responded(uint16_t status) {
  RunResult result;
  result.response = {status, {}, {"answer", {}}};
  return result;
}
inline RunResult failed(policy::AttemptResult how) {
  RunResult result;
  result.result = how;
  return result;
}

// Responds to each run by the script, else by `respond`, else with 200, after `takes`; its headers come after
// `headers_take`, or with the end. A probe without headers in time is ended.
class ScriptedRunner final : public JobRunner {
 public:
  explicit ScriptedRunner(net::Runtime& runtime) : runtime_(runtime) {}

  JobRoutePtr route_of(const std::string& name) override {
    const auto found = policies.find(name);
    return found == policies.end() ? nullptr : std::make_shared<JobRoute>(JobRoute{found->second});
  }
  std::vector<std::string> routes_of(const JobQueue&) override {
    std::vector<std::string> names;
    for (const auto& [name, policy] : policies) names.push_back(name);
    return names;
  }
  std::unique_ptr<net::Operation> run(JobRoutePtr, const ClaimedJob& job, std::shared_ptr<net::BodyReader>,
                                      const RunLimits& limits, RunCallbacks callbacks) override {
    ran.push_back(job.id);
    running_max = std::max(running_max, ++running);
    RunResult result = respond ? respond(job) : responded(200);
    if (!script.empty()) {
      result = script.front();
      script.pop_front();
    }
    return std::make_unique<Run>(*this, limits, std::move(result), std::move(callbacks));
  }

  std::unique_ptr<net::Operation> fetch_body(const JobRoutePtr&, const ClaimedJob& job,
                                             std::function<void(FetchedBody)> done) override {
    fetches.push_back(job.id);
    const FetchedBody unreachable{FetchedBody::Result::failed, nullptr, "reference_unreachable", ""};
    auto timer =
        std::make_unique<Fetch>(runtime_, std::move(done), unfetchable.contains(job.id) ? unreachable : fetched);
    timer->timer.start_after(fetch_takes);
    return timer;
  }

  std::map<std::string, policy::RoutePolicy> policies;
  std::deque<RunResult> script;
  std::function<RunResult(const ClaimedJob&)> respond;
  FetchedBody fetched;
  std::set<std::string> unfetchable;  // jobs whose body cannot be fetched, whatever `fetched` is
  Duration fetch_takes = 10ms;
  std::vector<std::string> fetches;
  Duration takes = 10ms;
  std::optional<Duration> headers_take;
  std::vector<std::string> ran;
  int running = 0;
  int running_max = 0;

 private:
  struct Fetch final : net::Operation {
    Fetch(net::Runtime& runtime, std::function<void(FetchedBody)> to, FetchedBody what)
        : done(std::move(to)), fetched(std::move(what)), timer(runtime, [this] { std::exchange(done, {})(fetched); }) {}
    std::function<void(FetchedBody)> done;
    FetchedBody fetched;
    net::Timer timer;
  };
  class Run final : public net::Operation {
   public:
    Run(ScriptedRunner& runner, const RunLimits& limits, RunResult result, RunCallbacks callbacks)
        : runner_(runner),
          result_(std::move(result)),
          callbacks_(std::move(callbacks)),
          headers_(runner.runtime_, [this] { on_headers(); }),
          probe_(runner.runtime_, [this] { cancel(); }),
          timer_(runner.runtime_, [this] { end(); }) {
      timer_.start_after(runner.takes);
      if (limits.probe_until) probe_.start_at(*limits.probe_until);
      if (runner.headers_take) headers_.start_after(*runner.headers_take);
    }
    ~Run() override { leave(); }

   private:
    void leave() {
      if (std::exchange(in_, false)) --runner_.running;
    }
    void on_headers() {
      headers_seen_ = true;
      probe_.stop();
      callbacks_.headers(result_.response.status, Duration::zero());
    }
    void cancel() {
      result_ = failed(policy::AttemptResult::timeout);
      end();
    }
    void end() {
      leave();
      if (result_.result == policy::AttemptResult::response && !headers_seen_) on_headers();
      const auto done = std::move(callbacks_.done);
      done(std::move(result_));
    }
    ScriptedRunner& runner_;
    RunResult result_;
    RunCallbacks callbacks_;
    bool in_ = true;
    bool headers_seen_ = false;
    net::Timer headers_;
    net::Timer probe_;
    net::Timer timer_;
  };

  net::Runtime& runtime_;
};

class Fixture {
 public:
  Fixture() : runner(bed.home()) {
    log_configure(LogLevel::off, LogFormat::text);
    runner.policies["optimize"] = {};
    config.concurrency = 8;
    config.max_attempts = 3;
    config.backoff = {1s, 60s, policy::Jitter::none};
  }

  void start() {
    replayer = std::make_unique<Replayer>(
        bed.home(), bed.queue(), runner, config,
        [this](const JobNote& note) { ++events[static_cast<size_t>(note.event)]; }, announcer);
    replayer->start();
  }
  policy::Breaker& add_breaker(const std::string& route = "optimize",
                               std::initializer_list<std::string_view> failures = {"connect_failure", "timeout",
                                                                                   "reset", "5xx"}) {
    policy::BreakerConfig breaker;
    breaker.failures = *policy::Conditions::of(failures);
    breaker.open_for_max = breaker.open_for;
    runner.policies[route].breaker = std::make_shared<policy::Breaker>(route, breaker, bed.home().now(), 1);
    return *runner.policies[route].breaker;
  }
  policy::UpstreamHealth& add_health(const std::string& route = "optimize") {
    runner.policies[route].health = std::make_shared<policy::UpstreamHealth>();
    return *runner.policies[route].health;
  }
  void open(policy::Breaker& breaker) {
    for (int i = 0; i < 5; ++i) {
      auto acquired = breaker.acquire(bed.home().now());
      if (acquired.permit.valid()) acquired.permit.report(policy::Verdict::failure, bed.home().now());
    }
    REQUIRE(breaker.view(bed.home().now()).state == policy::BreakerState::open);
  }
  policy::BreakerState state(policy::Breaker& breaker) { return breaker.view(bed.home().now()).state; }
  int count(JobEvent event) const { return events[static_cast<size_t>(event)]; }

  SimFixture bed;
  Asker<SimFixture> asker{bed};
  ScriptedRunner runner;
  config::Replay config;
  std::array<int, kJobEventCount> events{};
  EndAnnouncer* announcer = nullptr;
  std::unique_ptr<Replayer> replayer;
};

}  // namespace tidegate::jobs
