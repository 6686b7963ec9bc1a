// What a run's result means for its job, as a table: no queue, no clock.
#include "jobs/replay/verdict.h"

#include <doctest/doctest.h>

namespace tidegate::jobs {

using policy::AttemptResult;
using Worth = RunResult::Worth;

namespace {

constexpr WallTime kNow{1000s};
const policy::BackoffConfig kBackoff{1s, 60s, policy::Jitter::none};

ClaimedJob job_at(int attempt) {
  ClaimedJob job;
  job.attempt = attempt;
  job.max_attempts = 3;
  job.expires_at = kNow + 3600s;
  return job;
}

// "succeeded", "retry in 2 s: 503", "deferral for 2 s: 503", "dead: 503", "back for 5 s: why".
std::string text(const Verdict& verdict) {
  struct Text {
    std::string operator()(const Succeeded&) const { return "succeeded"; }
    std::string operator()(const Retry& s) const { return "retry in " + seconds(s.not_before - kNow) + ": " + s.error; }
    std::string operator()(const Deferral& s) const {
      return "deferral for " + seconds(s.not_before - kNow) + ": " + s.error;
    }
    std::string operator()(const Dead& s) const { return "dead: " + s.error; }
    std::string operator()(const Settlement& s) const { return std::visit(Text{}, s); }
    std::string operator()(const GivenBack& s) const {
      return "back for " + seconds(s.wait) + (s.reason.empty() ? "" : ": " + s.reason);
    }
    static std::string seconds(Duration wait) { return std::to_string(static_cast<int>(to_seconds(wait))) + " s"; }
  };
  return std::visit(Text{}, verdict);
}

template <typename Came>
std::string verdict_of(const Came& came, const ClaimedJob& job, Fault fault) {
  Random random(1);
  return text(judge(came, job, fault, {kBackoff, kNow, random}));
}

template <typename Came>
std::string verdict_of(const Came& came, int attempt) {
  return verdict_of(came, job_at(attempt), Fault::job);
}

RunResult response(uint16_t status, std::optional<Duration> retry_after = {}, Worth worth = Worth::by_status) {
  RunResult result;
  result.response.status = status;
  result.retry_after = retry_after;
  result.worth = worth;
  return result;
}

RunResult failure(AttemptResult how) {
  RunResult result;
  result.result = how;
  return result;
}

}  // namespace

TEST_CASE("a run's result and the job's attempts decide whether it succeeded, is retried, or is dead") {
  const struct {
    RunResult result;
    int attempt;
    const char* verdict;
    std::optional<Duration> hold;
  } cases[] = {
      {response(200), 1, "succeeded", {}},
      {response(404), 3, "succeeded", {}},
      {response(302), 1, "succeeded", {}},
      {response(408), 1, "retry in 1 s: 408", {}},
      {response(425), 2, "retry in 2 s: 425", {}},
      {response(500), 3, "dead: 500", {}},
      {response(500, 30s), 1, "retry in 30 s: 500", {}},
      {response(503, 30s), 1, "retry in 30 s: 503", 30s},
      {response(429, 90s), 3, "dead: 429", 60s},
      {response(503, 1s), 2, "retry in 2 s: 503", 1s},
      {response(200, 30s), 1, "succeeded", {}},
      {failure(AttemptResult::connect_failure), 1, "retry in 1 s: connect_failure", {}},
      {failure(AttemptResult::timeout), 2, "retry in 2 s: timeout", {}},
      {failure(AttemptResult::reset), 3, "dead: reset", {}},
      {failure(AttemptResult::bad_response), 4, "dead: bad_response", {}},
      {response(410, {}, Worth::hopeless), 1, "dead: 410", {}},
      {response(404, {}, Worth::failed), 1, "retry in 1 s: 404", {}},
      {response(503, 9s, Worth::succeeded), 1, "succeeded", {}},
  };
  for (const auto& c : cases) {
    CAPTURE(c.verdict);
    CHECK(verdict_of(c.result, c.attempt) == c.verdict);
    CHECK(hold_of_route(c.result) == c.hold);
  }
}

TEST_CASE("the next attempt waits for the back-off and for Retry-After, but leaves some of the job's time to it") {
  const auto wait = [](Duration backoff, Duration retry_after, Duration left) {
    return next_attempt_at(backoff, retry_after, kNow, kNow + left) - kNow;
  };
  CHECK(wait(2s, 0s, 3600s) == 2s);
  CHECK(wait(2s, 30s, 3600s) == 30s);
  CHECK(wait(60s, 30s, 3600s) == 60s);
  CHECK(wait(2s, 3600s, 5400s) == 3600s);  // it fits
  CHECK(wait(2s, 3600s, 3600s) == 3000s);
  CHECK(wait(2s, std::chrono::hours(24), 3600s) == 3000s);
  CHECK(wait(2s, 600s, 600s) == 300s);
  CHECK(wait(2s, 30s, 1s) == 2s);   // the back-off is ours, and as it is configured
  CHECK(wait(2s, 30s, -5s) == 2s);  // it expires anyway
  CHECK(verdict_of(response(503, 7200s), 1) == "retry in 3000 s: 503");
}

TEST_CASE("what fails in an outage is a deferral, after however many attempts, unless no retry can help") {
  const struct {
    RunResult result;
    int attempt;
    const char* verdict;
  } cases[] = {
      {response(200), 1, "succeeded"},
      {response(404), 3, "succeeded"},
      {response(503), 1, "deferral for 1 s: 503"},
      {response(503), 3, "deferral for 4 s: 503"},
      {response(503, 30s), 3, "deferral for 30 s: 503"},
      {failure(AttemptResult::connect_failure), 3, "deferral for 4 s: connect_failure"},
      {failure(AttemptResult::timeout), 5, "deferral for 16 s: timeout"},
      {response(410, {}, Worth::hopeless), 1, "dead: 410"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.verdict);
    CHECK(verdict_of(c.result, job_at(c.attempt), Fault::outage) == c.verdict);
  }
}

TEST_CASE("deferrals lengthen the back-off as attempts do, up to its maximum, and do not use up the attempts") {
  ClaimedJob job = job_at(1);
  job.deferrals = 3;
  CHECK(verdict_of(response(503), job, Fault::outage) == "deferral for 8 s: 503");
  CHECK(verdict_of(response(503), job, Fault::job) == "retry in 8 s: 503");
  job.deferrals = 100'000;
  CHECK(verdict_of(response(503), job, Fault::outage) == "deferral for 60 s: 503");
  job.attempt = 3;
  CHECK(verdict_of(response(503), job, Fault::job) == "dead: 503");
}

TEST_CASE(
    "a failure is the job's fault if the upstream has succeeded since its last attempt, or since it was accepted") {
  const WallTime wall{10'000s};
  const Time now{500s};  // another clock
  policy::UpstreamHealth health;
  ClaimedJob job;
  job.created_at = wall - 60s;
  CHECK(fault_of(nullptr, job, wall, now) == Fault::job);
  CHECK(fault_of(&health, job, wall, now) == Fault::outage);  // as after a restart: nothing has been seen
  health.note(AttemptResult::response, 200, now - 61s);
  CHECK(fault_of(&health, job, wall, now) == Fault::outage);
  health.note(AttemptResult::response, 200, now - 59s);
  CHECK(fault_of(&health, job, wall, now) == Fault::job);
  job.attempted_at = wall - 30s;
  CHECK(fault_of(&health, job, wall, now) == Fault::outage);
  health.note(AttemptResult::response, 200, now - 29s);
  CHECK(fault_of(&health, job, wall, now) == Fault::job);
  job.attempted_at = wall + 300s;  // the wall clock has been set back
  CHECK(fault_of(&health, job, wall, now) == Fault::outage);
}

TEST_CASE("a word of the runner's own replaces the status in the history") {
  RunResult result = response(400, {}, Worth::hopeless);
  result.error = "invalid_url";
  CHECK(verdict_of(result, 1) == "dead: invalid_url");
}

TEST_CASE("a failure of our own side, or a run that came too early, gives the job back even after its last attempt") {
  RunResult ours = failure(AttemptResult::reset);
  ours.own_failure = true;
  ours.detail = "the disk is full";
  CHECK(verdict_of(ours, 3) == "back for 5 s: the disk is full");
  RunResult early = response(200);
  early.too_early_for = 7s;
  CHECK(verdict_of(early, 3) == "back for 7 s");
}

TEST_CASE("a body that could not be fetched is a failed attempt, or the end, or nobody's attempt") {
  using Result = FetchedBody::Result;
  CHECK(verdict_of(FetchedBody{Result::failed, nullptr, "unreachable", ""}, 1) == "retry in 1 s: unreachable");
  CHECK(verdict_of(FetchedBody{Result::failed, nullptr, "unreachable", ""}, 3) == "dead: unreachable");
  CHECK(verdict_of(FetchedBody{Result::failed, nullptr, "unreachable", ""}, job_at(3), Fault::outage) ==
        "deferral for 4 s: unreachable");
  CHECK(verdict_of(FetchedBody{Result::hopeless, nullptr, "gone", ""}, 1) == "dead: gone");
  CHECK(verdict_of(FetchedBody{Result::own_failure, nullptr, "", "no disk"}, 3) == "back for 5 s: no disk");
}

}  // namespace tidegate::jobs
