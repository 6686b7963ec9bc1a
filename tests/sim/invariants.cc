#include "sim/invariants.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/bounds.h"
#include "sim/job_invariants.h"

namespace tidegate::sim {

namespace {

constexpr Duration kCommitBound = 2s;
constexpr Duration kSlack = 1500ms;  // the network's own latency, both ways, and a fragmented response

// The statuses of responses of Tidegate's own.
void check_own_response(Findings& findings, const ClientPlan& plan, const http::FetchResponse& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (json.is_discarded() || !json.contains("reason")) {
    return findings.add(fmt::format("{}: status {} without a reason: {}", plan.id, response.status, response.body));
  }
  static const std::map<std::string, int> kStatuses = {{"rate_limited", 429},   {"breaker_open", 503},
                                                       {"bulkhead_full", 503},  {"pool_full", 503},
                                                       {"buffer_full", 503},    {"queue_unavailable", 503},
                                                       {"queue_full", 503},     {"connect_failure", 502},
                                                       {"reset", 502},          {"bad_upstream_response", 502},
                                                       {"timeout", 504},        {"client_timeout", 408},
                                                       {"body_too_large", 413}, {"draining", 503},
                                                       {"no_route", 404}};
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

}  // namespace

void check_responses(Findings& findings, const Clients& clients, const Configs& configs) {
  for (const auto& client : clients) {
    const ClientPlan& plan = client->plan();
    if (!client->started()) continue;
    if (!client->ended()) findings.add(fmt::format("{}: never ended", plan.id));
    if (client->callbacks() > 1) findings.add(fmt::format("{}: ended {} times", plan.id, client->callbacks()));
    if (!client->has_response()) continue;
    const http::FetchResponse& response = *client->result();
    if (client->took() > deadline_of(plan, configs) + kCommitBound + kSlack) {
      findings.add(fmt::format("{}: status {} took {} s", plan.id, response.status, to_seconds(client->took())));
    }
    if (response.status == 202) {
      if (job_id_of(*client).empty()) findings.add(fmt::format("{}: 202 without a job: {}", plan.id, response.body));
    } else if (response.body.starts_with("version ")) {
      if (response.status != 503)
        findings.add(fmt::format("{}: status {} of the fixed response", plan.id, response.status));
    } else if (is_own(response)) {
      check_own_response(findings, plan, response);
    } else if (response.status == 200) {
      if (response.body != expected_response(plan.target, plan.body)) {
        findings.add(
            fmt::format("{}: a relayed response is not the upstream's ({} bytes)", plan.id, response.body.size()));
      }
    } else if (response.status != 503 || response.body != "broken") {
      findings.add(fmt::format("{}: a response nobody gave: {}", plan.id, response.status));
    }
  }
}

void check_upstream(Findings& findings, const Clients& clients, const Upstreams& upstreams, const Stores& stores,
                    const Configs& configs, size_t kills) {
  std::map<std::string, int> uncounted;  // runs that are no attempts, by job
  int of_all = 0;
  for (const jobs::JobRecord& record : all_jobs(stores)) {
    of_all += uncounted[record.id] = interruptions(record) + record.deferrals;
  }
  // The calls of a killed Tidegate end when the upstream notices, so those of the next process may overlap them. An
  // aborted call counts as running until the reset has crossed the network.
  const int allowed = calls_allowed(configs) * static_cast<int>(kills + 1) + 1;
  const int seen = upstreams.front()->running_max();
  if (seen > allowed) {
    findings.add(fmt::format("the upstream saw {} calls at once; the configuration allows {}", seen, allowed));
  }
  for (const auto& client : clients) {
    const ClientPlan& plan = client->plan();
    const bool idempotent = plan.method == "GET";
    const std::string job = job_id_of(*client);  // whose 202 was lost has a job all the same
    const int again = job.empty() ? of_all : uncounted[job];
    // An idempotent attempt may start again if a kept-alive connection was already closed.
    const int each = idempotent ? 2 : 1;
    const bool is_replayed = path_of(plan) != "/plain";
    const int live = idempotent ? each * tries_allowed(plan, configs) : 1;
    const int attempts = is_replayed ? live + replays_allowed(configs) + again : each;
    int tried = 0;
    for (const auto& upstream : upstreams) tried += upstream->attempts_of(plan.id);
    if (tried > attempts) {
      findings.add(fmt::format("{} ({} {}, job {}): tried {} times, {} are allowed", plan.id, plan.method, plan.target,
                               job.empty() ? "unknown" : job, tried, attempts));
    }
  }
}

void check_rates(Findings& findings, const Clients& clients, const Configs& configs, size_t renewals) {
  const auto of_limit = [&](auto value) {
    return largest(configs, [&](const config::Config& config) {
      const config::Route* route = find_route(config, "/work");
      return route ? value(route->rate_limit->limit) : 0.0;
    });
  };
  int admitted = 0;
  Time first = Time::max();
  Time last = Time::min();
  for (const auto& client : clients) {
    if (!client->plan().target.starts_with("/work") || !client->started()) continue;
    first = std::min(first, client->plan().starts);
    last = std::max(last, client->plan().starts);
    if (!client->has_response()) continue;
    const int status = client->result()->status;
    if (status != 429 && status != 404) ++admitted;
  }
  if (admitted == 0) return;
  const double allowed = of_limit([](const auto& limit) { return limit.burst; }) * static_cast<double>(renewals + 1) +
                         of_limit([](const auto& limit) { return limit.rate_per_s; }) * (to_seconds(last - first) + 1);
  if (admitted > allowed) findings.add(fmt::format("{} requests were admitted; {} are allowed", admitted, allowed));
}

void check_endpoints(Findings& findings, core::Gateway& gateway, const Upstreams& upstreams, Time now) {
  for (const auto& [name, upstream] : gateway.table()->upstreams()) {
    const auto& check = upstream->config().health_check;
    for (const auto& endpoint : upstream->endpoints()) {
      const std::string& address = endpoint->config().endpoint.authority;
      if (is_out(endpoint->health().state())) findings.add(fmt::format("{} is still out", address));
      const auto at = std::find_if(upstreams.begin(), upstreams.end(),
                                   [&](const auto& each) { return each->address().to_string() == address; });
      if (check && at != upstreams.end() && now - (*at)->checked_at() > 2 * check->interval)
        findings.add(fmt::format("{} is not checked any more", address));
    }
  }
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
  check_zero(findings, text, "\ntidegate_tunnels_open{", "open at the end");
  // Every attempt ends before half_open_timeout: a probe that reached it has lost its permit.
  check_zero(findings, text, "reason=\"probe_timed_out\"", "a probe was never judged");
}

void check_leaks(Findings& findings, const net::SimRuntime& runtime) {
  if (runtime.open_streams() != 0) findings.add(fmt::format("{} streams are left", runtime.open_streams()));
  if (runtime.open_operations() != 0) findings.add(fmt::format("{} operations are left", runtime.open_operations()));
  if (runtime.active_timers() != 0) findings.add(fmt::format("{} timers are left", runtime.active_timers()));
}

}  // namespace tidegate::sim
