#include "core/upstream/upstream.h"

#include <algorithm>

#include "base/assert.h"
#include "policy/endpoints/endpoint_choice.h"

namespace tidegate::core {

using policy::EndpointCandidate;
using policy::EndpointState;

namespace {

// What an Upstream does not act by.
config::Upstream without_policies(config::Upstream config) {
  const config::Upstream defaults;
  config.max_connections = defaults.max_connections;
  config.max_pending = defaults.max_pending;
  config.breaker = {};
  config.bulkhead = {};
  config.retry_budget = {};
  return config;
}

}  // namespace

Upstream::Upstream(config::Upstream config, metrics::UpstreamMetrics& metrics, Endpoints endpoints,
                   std::shared_ptr<ConnectionLimit> connections)
    : config_(std::move(config)),
      metrics_(metrics),
      connections_(connections ? std::move(connections)
                               : std::make_shared<ConnectionLimit>(config_.max_connections, config_.max_pending)),
      endpoints_(std::move(endpoints)) {
  TG_ASSERT(endpoints_.size() == config_.endpoints.size());
  uint32_t most_turns = endpoints_[0]->load().turns;
  for (const auto& endpoint : endpoints_) {
    if (policy::is_before(most_turns, endpoint->load().turns)) most_turns = endpoint->load().turns;
  }
  for (const auto& endpoint : endpoints_) {
    endpoint->lose_turns(most_turns);  // a new one begins beside those of before
    endpoint->join(*this);
  }
}

Upstream::~Upstream() {
  for (const auto& endpoint : endpoints_) endpoint->leave(*this);
}

bool Upstream::is_reached_as(const config::Upstream& other) const {
  return without_policies(config_) == without_policies(other);
}

EndpointCandidate Upstream::candidate(size_t index, Time now, const ChoiceFor& request) const {
  const Endpoint& endpoint = *endpoints_[index];
  const Endpoint::Load load = endpoint.load();
  return {endpoint.health().state(), endpoint.just_failed(now), index == request.failed_at, load.requests, load.turns,
          request.is_probe};
}

// Another thread may choose at the same time: then the look is taken again.
CountedRequest Upstream::choose(Time now, const ChoiceFor& request) {
  if (endpoints_.size() == 1) return count_request(0);
  for (;;) {
    size_t best = 0;
    EndpointCandidate chosen = candidate(0, now, request);
    for (size_t i = 1; i < endpoints_.size(); ++i) {
      const EndpointCandidate next = candidate(i, now, request);
      if (!is_better(next, chosen, config_.balance)) continue;
      best = i;
      chosen = next;
    }
    if (!endpoints_[best]->try_begin_request({chosen.requests, chosen.turns})) continue;
    for (const auto& endpoint : endpoints_) endpoint->lose_turns(chosen.turns);
    return CountedRequest(best, *endpoints_[best]);
  }
}

CountedRequest Upstream::count_request(size_t endpoint) {
  endpoints_[endpoint]->begin_request();
  return CountedRequest(endpoint, *endpoints_[endpoint]);
}

bool Upstream::is_passed_over(size_t endpoint) const {
  return is_out(endpoints_[endpoint]->health().state()) &&
         std::any_of(endpoints_.begin(), endpoints_.end(),
                     [](const auto& other) { return !is_out(other->health().state()); });
}

std::shared_ptr<net::TlsContext> Upstream::tls() const {
  const auto first = std::find_if(endpoints_.begin(), endpoints_.end(), [](const auto& each) { return each->tls(); });
  return first == endpoints_.end() ? nullptr : (*first)->tls();
}

std::vector<EndpointState> Upstream::states() const {
  std::vector<EndpointState> states;
  for (const auto& endpoint : endpoints_) states.push_back(endpoint->health().state());
  return states;
}

void Upstream::call_failed(size_t endpoint, std::string_view reason, Time begun, Time now) {
  EndpointHealth& health = endpoints_[endpoint]->health();
  if (!health.call_failed(reason, begun, now)) return;
  const std::lock_guard lock(ejection_mutex_);
  if (policy::may_eject(states(), endpoint, config_.outlier_ejection->max_ejected)) health.eject(now);
}

}  // namespace tidegate::core
