#include "sim/invariants.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace tidegate::sim {

namespace {

constexpr Duration kCommitBound = 2s;
constexpr Duration kSlack = 1500ms;  // the network's own latency, both ways, and a fragmented response

std::string body_of(const ClientPlan& plan) { return plan.body; }

// The statuses of responses of Tidegate's own.
void check_own_response(Findings& findings, const ClientPlan& plan, const http::FetchResponse& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (json.is_discarded() || !json.contains("reason")) {
    return findings.add(fmt::format("{}: status {} without a reason: {}", plan.id, response.status, response.body));
  }
  static const std::map<std::string, int> kStatuses = {
      {"rate_limited", 429},  {"breaker_open", 503},          {"bulkhead_full", 503}, {"pool_full", 503},
      {"buffer_full", 503},   {"queue_unavailable", 503},     {"queue_full", 503},    {"connect_failure", 502},
      {"reset", 502},         {"bad_upstream_response", 502}, {"timeout", 504},       {"client_timeout", 408},
      {"body_too_large", 413}};
  const auto expected = kStatuses.find(json["reason"]);
  if (expected == kStatuses.end() || expected->second != response.status || json["status"] != response.status) {
    findings.add(fmt::format("{}: reason {} with status {}", plan.id, json["reason"].dump(), response.status));
  }
  const bool must_say_when = response.status == 503 || response.status == 429;
  const std::string when(response.field("retry-after"));
  if (must_say_when && (when.empty() || std::atoi(when.c_str()) < 1)) {
    findings.add(fmt::format("{}: {} without a Retry-After of at least 1", plan.id, json["reason"].dump()));
  }
}

bool is_own(const http::FetchResponse& response) { return !response.field("proxy-status").empty(); }

// The route's deadline, or the client's shorter one.
Duration deadline_of(const ClientPlan& plan, const config::Config& config) {
  const size_t route = plan.target.starts_with("/work") ? 0 : 1;
  const Duration total = config.listeners[0].routes[route].timeout.total;
  return plan.timeout ? std::min(total, *plan.timeout) : total;
}

std::string job_id_of(const SimClient& client) {
  if (!client.has_response() || client.result()->status != 202) return "";
  const auto json = nlohmann::json::parse(client.result()->body, nullptr, false);
  return json.is_discarded() ? "" : json.value("job_id", "");
}

// It ended without a result: the process was killed, or the store stalled longer than a lease.
bool is_interrupted(const jobs::AttemptRecord& attempt) {
  return attempt.error == "process_ended" || attempt.error == "lease_lost";
}

int interruptions(const jobs::JobRecord& record) {
  return static_cast<int>(std::count_if(record.history.begin(), record.history.end(), is_interrupted));
}

// Entries of the history that count as attempts: neither deferrals, nor interrupted runs before one.
int counted_attempts(const jobs::JobRecord& record) {
  int counted = 0, interrupted = 0;
  for (const jobs::AttemptRecord& attempt : record.history) {
    if (attempt.deferrals > 0) {
      counted -= std::exchange(interrupted, 0);
    } else {
      ++counted;
      if (is_interrupted(attempt)) ++interrupted;
    }
  }
  return counted;
}

// What the proxy has learned of a success, it may have learned so much later than the upstream has sent it.
constexpr Duration kSuccessDelay = 4s;

// Each failed attempt that counts has a success of the upstream before it, since the one before.
void check_blame(Findings& findings, const jobs::JobRecord& record, const SimUpstream& upstream) {
  WallTime since = record.created_at;
  for (const jobs::AttemptRecord& attempt : record.history) {
    const bool counts = attempt.deferrals == 0 && !is_interrupted(attempt) && !attempt.error.empty() &&
                        attempt.error != "attempts_exhausted";
    const WallTime end = attempt.at + attempt.took;
    if (counts && !upstream.succeeded_between(since - kSuccessDelay, end)) {
      findings.add(fmt::format("job {}: {} counts although the upstream has not succeeded", record.id, attempt.error));
    }
    since = end;
  }
}

// The history of a record has every attempt, in order: the last one of a result succeeded, that of a dead job failed.
void check_history(Findings& findings, const jobs::JobRecord& record) {
  const bool succeeded = record.status == jobs::JobStatus::succeeded;
  if (!succeeded && record.status != jobs::JobStatus::dead) return;
  const auto& attempts = record.history;
  if (attempts.empty() || counted_attempts(record) != record.attempt) {
    return findings.add(
        fmt::format("job {}: {} attempts, but {} in its history", record.id, record.attempt, counted_attempts(record)));
  }
  for (size_t i = 0; i < attempts.size(); ++i) {
    const bool good = succeeded && i + 1 == attempts.size();
    if (attempts[i].error.empty() != good)
      findings.add(fmt::format("job {}: attempt {}: {}", record.id, i, attempts[i].error));
    if (i > 0 && attempts[i].at < attempts[i - 1].at)
      findings.add(fmt::format("job {}: attempt {} is early", record.id, i));
  }
}

}  // namespace

void check_responses(Findings& findings, const Clients& clients, const config::Config& config) {
  for (const auto& client : clients) {
    const ClientPlan& plan = client->plan();
    if (!client->started()) continue;
    if (!client->ended()) findings.add(fmt::format("{}: never ended", plan.id));
    if (client->callbacks() > 1) findings.add(fmt::format("{}: ended {} times", plan.id, client->callbacks()));
    if (!client->has_response()) continue;
    const http::FetchResponse& response = *client->result();
    if (client->took() > deadline_of(plan, config) + kCommitBound + kSlack) {
      findings.add(fmt::format("{}: status {} took {} s", plan.id, response.status, to_seconds(client->took())));
    }
    if (response.status == 202) {
      if (job_id_of(*client).empty()) findings.add(fmt::format("{}: 202 without a job: {}", plan.id, response.body));
    } else if (is_own(response)) {
      check_own_response(findings, plan, response);
    } else if (response.status == 200) {
      if (response.body != expected_response(plan.target, body_of(plan))) {
        findings.add(
            fmt::format("{}: a relayed response is not the upstream's ({} bytes)", plan.id, response.body.size()));
      }
    } else if (response.status != 503 || response.body != "broken") {
      findings.add(fmt::format("{}: a response nobody gave: {}", plan.id, response.status));
    }
  }
}

void check_jobs(Findings& findings, const Clients& clients, const jobs::SimQueue& store, const SimUpstream& upstream,
                const config::Config& config) {
  std::map<std::string, jobs::JobRecord> jobs;
  for (jobs::JobRecord& record : store.all()) jobs[record.id] = std::move(record);
  std::map<std::string, const SimClient*> promised;
  for (const auto& client : clients) {
    const std::string id = job_id_of(*client);
    if (id.empty()) continue;
    promised[id] = client.get();
    const auto found = jobs.find(id);
    if (found == jobs.end()) {
      findings.add(fmt::format("{}: 202 for job {}, which the store has not", client->plan().id, id));
    } else if (found->second.status == jobs::JobStatus::cancelled) {
      findings.add(fmt::format("{}: promised job {} was cancelled by nobody", client->plan().id, id));
    }
  }
  for (const auto& [id, record] : jobs) {
    if (!is_final(record.status)) findings.add(fmt::format("job {} never ended: {}", id, to_string(record.status)));
    const int allowed = config.queues.at("q").replay.max_attempts;
    if (record.attempt > allowed + interruptions(record))
      findings.add(fmt::format("job {} had {} attempts of {}", id, record.attempt, allowed));
    check_history(findings, record);
    check_blame(findings, record, upstream);
    const auto who = promised.find(id);
    if (who == promised.end() && record.status != jobs::JobStatus::cancelled) {
      const auto client = std::find_if(clients.begin(), clients.end(),
                                       [&](const auto& c) { return c->plan().id == store.field(id, "x-sim-id"); });
      // A client with another response than 202 must not have a job; a client without a response may have one.
      if (client != clients.end() && (*client)->has_response()) {
        findings.add(fmt::format("{} got {} and has job {} all the same ({})", (*client)->plan().id,
                                 (*client)->result()->status, id, to_string(record.status)));
      }
    }
    if (record.status != jobs::JobStatus::succeeded || who == promised.end()) continue;
    const auto result = store.stored_result(id);
    const ClientPlan& plan = who->second->plan();
    if (!result) {
      findings.add(fmt::format("job {} succeeded without a result", id));
    } else if (result->status == 200 && result->body.memory != expected_response(plan.target, plan.body)) {
      findings.add(fmt::format("job {}: the result is not the upstream's response", id));
    }
  }
}

void check_upstream(Findings& findings, const Clients& clients, const SimUpstream& upstream,
                    const jobs::SimQueue& store, const config::Config& config, size_t kills) {
  std::map<std::string, int> uncounted;  // runs that are no attempts, by job
  int of_all = 0;
  for (const jobs::JobRecord& record : store.all()) {
    of_all += uncounted[record.id] = interruptions(record) + record.deferrals;
  }
  const config::Upstream& settings = config.upstreams.at("up");
  // The calls of a killed Tidegate end when the upstream notices, so those of the next process may overlap them. An
  // aborted call counts as running until the reset has crossed the network.
  const int allowed = settings.bulkhead->max_concurrent * static_cast<int>(kills + 1) + 1;
  if (upstream.running_max() > allowed) {
    findings.add(
        fmt::format("the upstream saw {} calls at once; the bulkhead allows {}", upstream.running_max(), allowed));
  }
  const int live = config.listeners[0].routes[0].retry.max_attempts;
  const int replays = config.queues.at("q").replay.max_attempts;
  for (const auto& client : clients) {
    const ClientPlan& plan = client->plan();
    const bool idempotent = plan.method == "GET";
    const std::string job = job_id_of(*client);  // whose 202 was lost has a job all the same
    const int again = job.empty() ? of_all : uncounted[job];
    // An idempotent attempt may start again if a kept-alive connection was already closed.
    const int each = idempotent ? 2 : 1;
    const int attempts = plan.target.starts_with("/work") ? (idempotent ? each * live : 1) + replays + again : each;
    if (upstream.attempts_of(plan.id) > attempts) {
      findings.add(fmt::format("{} ({} {}, job {}): tried {} times, {} are allowed", plan.id, plan.method, plan.target,
                               job.empty() ? "unknown" : job, upstream.attempts_of(plan.id), attempts));
    }
  }
}

void check_rates(Findings& findings, const Clients& clients, const config::Config& config, size_t kills) {
  const config::RateLimit& limit = *config.listeners[0].routes[0].rate_limit;
  int admitted = 0;
  Time first = Time::max();
  Time last = Time::min();
  for (const auto& client : clients) {
    if (!client->plan().target.starts_with("/work") || !client->started()) continue;
    first = std::min(first, client->plan().starts);
    last = std::max(last, client->plan().starts);
    if (client->has_response() && client->result()->status != 429) ++admitted;
  }
  if (admitted == 0) return;
  const double allowed =
      limit.limit.burst * static_cast<double>(kills + 1) + limit.limit.rate_per_s * (to_seconds(last - first) + 1);
  if (admitted > allowed) findings.add(fmt::format("{} requests were admitted; {} are allowed", admitted, allowed));
}

void check_policies(Findings& findings, core::Gateway& gateway, Time now) {
  for (const auto& breaker : gateway.table()->breakers()) {
    const policy::BreakerView view = breaker->view(now);
    if (view.probes_in_flight != 0) findings.add(fmt::format("{} probe permits are left", view.probes_in_flight));
  }
  for (const auto& bulkhead : gateway.table()->bulkheads()) {
    const policy::Bulkhead::View view = bulkhead->view();
    if (view.in_use != 0) findings.add(fmt::format("{} bulkhead places are left", view.in_use));
    if (view.waiting != 0) findings.add(fmt::format("{} bulkhead waiters are left", view.waiting));
  }
}

namespace {

// Series that must be 0.
void check_zero(Findings& findings, const std::string& metrics, std::string_view part, std::string_view meaning) {
  for (size_t at = 0; (at = metrics.find(part, at)) != std::string::npos;) {
    const size_t begin = metrics[at] == '\n' ? at + 1 : metrics.rfind('\n', at) + 1;
    const size_t end = metrics.find('\n', begin);
    const std::string line = metrics.substr(begin, end - begin);
    if (!line.ends_with(" 0")) findings.add(fmt::format("{}: {}", meaning, line));
    at = end;
  }
}

}  // namespace

void check_metrics(Findings& findings, metrics::Metrics& metrics) {
  const std::string text = metrics.render();
  check_zero(findings, text, "\ntidegate_http_requests_in_flight{", "in flight at the end");
  // Every attempt ends before half_open_timeout: a probe that reached it has lost its permit.
  check_zero(findings, text, "reason=\"probe_timed_out\"", "a probe was never judged");
}

void check_leaks(Findings& findings, const net::SimRuntime& runtime) {
  if (runtime.open_streams() != 0) findings.add(fmt::format("{} streams are left", runtime.open_streams()));
  if (runtime.open_operations() != 0) findings.add(fmt::format("{} operations are left", runtime.open_operations()));
  if (runtime.active_timers() != 0) findings.add(fmt::format("{} timers are left", runtime.active_timers()));
}

}  // namespace tidegate::sim
