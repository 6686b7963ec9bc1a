#include "jobs/replay/job_run_context.h"

#include <algorithm>
#include <limits>

namespace tidegate::jobs {

namespace {

constexpr Duration kLiveProbeTurn = 2s;     // of a breaker that has come due, before a job is its probe
constexpr int kFailuresInARow = 3;          // then the route's runs are spread
constexpr Duration kCountedPace = 1s;       // after one that the breaker counts
constexpr Duration kUncountedPace = 100ms;  // after any other
constexpr int kPassedOverDoublings = 6;

// Of "http://host[:port]/…", host and port, spelled in one way.
std::string host_of(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t from = scheme == std::string::npos ? 0 : scheme + 3;
  std::string host = url.substr(from, url.find_first_of("/?#", from) - from);
  for (char& c : host) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  if (host.find(':') == std::string::npos) host += ":80";
  return host;
}

}  // namespace

std::shared_ptr<const policy::RoutePolicy> JobRunContext::policy_of(const std::string& route) const {
  const JobRoutePtr found = runner.route_of(route);
  return found ? std::shared_ptr<const policy::RoutePolicy>(found, &found->policy) : nullptr;
}

bool JobRunContext::is_held(const std::string& route) const {
  const auto held = held_until.find(route);
  return held != held_until.end() && held->second > runtime.now();
}

void JobRunContext::hold(const std::string& route, Duration wait) {
  Time& until = held_until[route];
  until = std::max(until, runtime.now() + wait);
}

std::optional<Duration> JobRunContext::refusal_of(const std::string& route) {
  const Time now = runtime.now();
  const auto policy = policy_of(route);
  const auto refusal = policy && policy->breaker ? policy->breaker->peek(now) : std::nullopt;
  Time until = refusal ? now + refusal->retry_after : now;
  if (is_held(route)) until = std::max(until, held_until[route]);
  if (const auto pace = paces.find(route); pace != paces.end()) until = std::max(until, pace->second.until);
  if (!refusal && policy && policy->breaker && is_live_turn(policy->breaker)) {
    const auto half_open_since = policy->breaker->half_open_since(now);
    if (half_open_since) until = std::max(until, *half_open_since + kLiveProbeTurn);
  }
  return refusal || until > now ? std::optional(until - now) : std::nullopt;
}

// It has opened since, and at most become half open.
bool JobRunContext::is_live_turn(const std::shared_ptr<policy::Breaker>& breaker) const {
  const auto failed = failed_probes.find(breaker);
  return failed != failed_probes.end() && breaker->transitions() <= failed->second.transitions + 1;
}

void JobRunContext::on_run_judged(const std::string& route, const std::shared_ptr<policy::Breaker>& breaker,
                                  bool succeeded, bool counted) {
  if (const auto failed = failed_probes.find(breaker); succeeded && failed != failed_probes.end()) {
    failed->second.in_a_row = 0;
  }
  Pace& pace = paces[route];
  pace.failed_in_a_row = succeeded && !counted ? 0 : pace.failed_in_a_row + 1;
  if (pace.failed_in_a_row < kFailuresInARow) return;
  pace.until = runtime.now() + (counted ? kCountedPace : kUncountedPace);
}

bool JobRunContext::wants_probe(const std::string& route) {
  const auto policy = policy_of(route);
  return !is_held(route) && !(policy && policy->breaker && is_live_turn(policy->breaker));
}

void JobRunContext::on_probe_failed(const std::shared_ptr<policy::Breaker>& breaker) {
  std::erase_if(failed_probes, [](const auto& entry) { return entry.first.expired(); });
  FailedProbes& failed = failed_probes[breaker];
  failed.transitions = breaker->transitions();
  failed.to_pass_over = failed.further = (1 << std::min(failed.in_a_row, kPassedOverDoublings)) - 1;
  failed.fewest_failures = std::numeric_limits<int>::max();
  ++failed.in_a_row;
}

bool JobRunContext::passes_over(const ClaimedJob& job) {
  const auto policy = policy_of(job.route);
  if (!policy || !policy->breaker || !policy->breaker->half_open_since(runtime.now())) return false;
  const auto found = failed_probes.find(policy->breaker);
  if (found == failed_probes.end() || refusal_of(job.route)) return false;
  FailedProbes& failed = found->second;
  const int failures = job.attempt - 1 + job.deferrals;
  if (failed.to_pass_over > 0) {
    --failed.to_pass_over;
    failed.fewest_failures = std::min(failed.fewest_failures, failures);
    return true;
  }
  return failures > failed.fewest_failures && failed.further-- > 0;
}

const policy::UpstreamHealth& JobRunContext::health_of_host(const std::string& url) const {
  static const policy::UpstreamHealth kNeverSeen;
  const auto seen = body_hosts.find(host_of(url));
  return seen == body_hosts.end() ? kNeverSeen : seen->second;
}

void JobRunContext::on_body_fetched(const std::string& url, Time begun_at) {
  body_hosts[host_of(url)].note(policy::AttemptResult::response, 200, begun_at);
}

}  // namespace tidegate::jobs
