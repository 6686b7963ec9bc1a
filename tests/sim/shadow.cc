#include "sim/shadow.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "sim/bounds.h"
#include "sim/settings.h"

namespace tidegate::sim {

namespace {

constexpr Duration kStillArrives = 400ms;  // bytes that the sender has given up
constexpr Duration kRunWaits = 3s;         // of a job run for a connection
constexpr Duration kArrives = 5ms;         // a request's headers, on the links of clients, which have no faults
// A connection to a removed listener may send its request so much later.
constexpr Duration kLateRequest = 6s;
constexpr Duration kOtherWaits = 3500ms;  // of a response, beyond the route's deadline: commit and network

const config::Route* route_named(const config::Config& config, const std::string& name) {
  for (const config::Listener& listener : config.listeners) {
    for (const config::Route& route : listener.routes) {
      if (route.name == name) return &route;
    }
  }
  return nullptr;
}

// What a request of that client meets in a configuration.
struct Met {
  Met(const config::Config& config, const SimClient& client) {
    for (const config::Listener& each : config.listeners) {
      if (each.address.to_string() == client.authority()) listener = &each;
    }
    if (!listener) return;
    for (const config::Route& each : listener->routes) {
      if (!route && each.match.path == path_of(client.plan())) route = &each;
    }
    if (route) upstream = &config.upstreams.at(route->upstream);
  }

  const config::Listener* listener = nullptr;
  const config::Route* route = nullptr;
  const config::Upstream* upstream = nullptr;
};

bool is_endpoint(const config::Upstream& upstream, const std::string& address) {
  return std::any_of(upstream.endpoints.begin(), upstream.endpoints.end(),
                     [&](const config::Endpoint& endpoint) { return endpoint.authority == address; });
}

std::string reason_of(const http::FetchResponse& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  return json.is_object() ? json.value("reason", "") : "";
}

// Whether a policy that the route has can have responded so.
bool is_by_policy(const Met& met, const http::FetchResponse& response) {
  const std::string reason = reason_of(response);
  if (reason == "rate_limited") return met.route->rate_limit.has_value();
  if (reason == "breaker_open") return met.upstream->breaker.has_value();
  if (reason == "bulkhead_full") return met.upstream->bulkhead.has_value();
  return true;
}

// The fixed response names its configuration.
bool is_by_fallback(const Met& met, const http::FetchResponse& response) {
  const auto& fallback = met.route->fallback;
  if (response.status == 202) return fallback && std::holds_alternative<config::FallbackEnqueue>(fallback->action);
  if (!response.body.starts_with("version ")) return true;
  const auto* respond = fallback ? std::get_if<config::FallbackRespond>(&fallback->action) : nullptr;
  return respond && respond->body == response.body;
}

bool explains(const config::Config& config, const SimClient& client) {
  if (!client.has_response()) return true;
  const http::FetchResponse& response = *client.result();
  const Met met(config, client);
  if (!met.listener) return false;
  const bool is_too_large = client.plan().body.size() > met.listener->limits.body;
  if (is_too_large || response.status == 413) return is_too_large && response.status == 413;
  if (!met.route) return response.status == 404 || response.status == 408;
  if (response.status == 404) return false;
  return is_by_policy(met, response) && is_by_fallback(met, response) &&
         client.took() <= met.route->timeout.total + kOtherWaits;
}

}  // namespace

void Shadow::on_in_force(std::shared_ptr<const config::Config> config) {
  const int number = version_of_field(config->listeners[0].routes[0].timeout_header).value_or(-1);
  versions_.push_back({number, std::move(config), runtime_.now()});
}

void Shadow::on_replaced(const config::Config& config) {
  for (Version& version : versions_) {
    if (version.config.get() == &config && version.until == Time::max()) version.until = runtime_.now();
  }
}

void Shadow::on_call(const SocketAddress& endpoint, const http::RequestHead& head) {
  const auto id = head.fields.find("x-sim-id");
  if (!id) return;  // a health check
  Call call{runtime_.now(), runtime_.wall_now(), endpoint.to_string(), -1, {}};
  for (const auto& field : head.fields) {
    const auto version = version_of_field(field.name);
    if (!version) continue;
    int64_t ms = 0;
    std::from_chars(field.value.data(), field.value.data() + field.value.size(), ms);
    call.version = *version;
    call.left = std::chrono::milliseconds(ms);
  }
  calls_[std::string(*id)].push_back(std::move(call));
}

Shadow::Versions Shadow::in_force(Time from, Time until) const {
  Versions found;
  for (const Version& version : versions_) {
    if (version.from <= until && version.until >= from) found.push_back(&version);
  }
  return found;
}

void Shadow::check(Findings& findings, const Clients& clients, const std::map<std::string, jobs::JobRecord>& jobs) {
  for (const auto& client : clients) {
    if (!client->started() || !client->ended()) continue;
    const auto known = calls_.find(client->plan().id);
    const auto job = jobs.find(client->plan().id);
    std::vector<Call> live;
    for (const Call& call : known == calls_.end() ? std::vector<Call>() : known->second) {
      if (job == jobs.end() || call.wall_at < job->second.created_at) live.push_back(call);
      else if (call.wall_at > job->second.created_at + kStillArrives) check_run(findings, job->second, call);
    }
    check_request(findings, *client, live);
  }
}

void Shadow::check_request(Findings& findings, const SimClient& client, const std::vector<Call>& calls) {
  const std::string& id = client.plan().id;
  const Time begun = client.plan().starts;
  const bool may_be_late = client.authority().ends_with(":8082");
  const Time before = begun + (may_be_late ? kLateRequest : kArrives);
  Versions possible = in_force(begun - (may_be_late ? kLateRequest : Duration::zero()), before);
  if (!calls.empty()) {
    std::erase_if(possible, [&](const Version* version) { return version->number != calls.front().version; });
  }
  for (const Call& call : calls) {
    if (call.version != calls.front().version)
      findings.add(fmt::format("{} was sent by version {}, then by {}", id, calls.front().version, call.version));
    std::erase_if(possible, [&](const Version* version) {
      const Met met(*version->config, client);
      if (!met.route || !is_endpoint(*met.upstream, call.endpoint)) return true;
      const Duration total = met.route->timeout.total;
      return call.left > total || call.left + (call.at - begun) < total;
    });
  }
  if (possible.empty() && !calls.empty()) {
    return findings.add(fmt::format("{} was sent to {} by version {}, which does not explain it", id,
                                    calls.front().endpoint, calls.front().version));
  }
  const auto end = client.has_response() ? begun + client.took() : before;
  const bool over_a_reload =
      std::any_of(possible.begin(), possible.end(), [&](const Version* version) { return version->until < end; });
  over_a_reload_ += over_a_reload;
  const bool explained = std::any_of(possible.begin(), possible.end(),
                                     [&](const Version* version) { return explains(*version->config, client); });
  if (explained || !client.has_response()) return;
  const http::FetchResponse& response = *client.result();
  findings.add(
      fmt::format("{}: no configuration in force explains its status {} {}", id, response.status, reason_of(response)));
}

void Shadow::check_run(Findings& findings, const jobs::JobRecord& job, const Call& call) const {
  for (const Version* version : in_force(call.at - kRunWaits, call.at)) {
    const config::Route* route = route_named(*version->config, job.route);
    if (version->number == call.version && route &&
        is_endpoint(version->config->upstreams.at(route->upstream), call.endpoint))
      return;
  }
  findings.add(fmt::format("job {} was sent to {} by version {}, which was not in force or has no such route", job.id,
                           call.endpoint, call.version));
}

void Shadow::check_census(Findings& findings, size_t allowed) const {
  const auto left = static_cast<size_t>(
      std::count_if(tables_.begin(), tables_.end(), [](const auto& table) { return !table.expired(); }));
  if (left > allowed)
    findings.add(fmt::format("{} route tables of {} are left; {} are in use", left, tables_.size(), allowed));
}

}  // namespace tidegate::sim
