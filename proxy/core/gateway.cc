#include "core/gateway.h"

#include <algorithm>

#include "base/log.h"
#include "core/listener_service.h"

namespace tidegate::core {

namespace {

// The log's line and the metric of every transition: the same words.
void announce(metrics::Metrics& metrics, const policy::Breaker& breaker, const policy::Transition& transition) {
  metrics.breaker_transition(breaker.name(), transition);
  const bool opened = transition.to == policy::BreakerState::open;
  log_event(opened ? LogLevel::warn : LogLevel::info, "breaker_transition",
            {{"breaker", breaker.name()},
             {"from", to_string(transition.from)},
             {"to", to_string(transition.to)},
             {"reason", to_string(transition.reason)},
             {"detail", transition.detail},
             {"open_for_s", opened ? to_seconds(transition.open_for) : 0.0}});
}

}  // namespace

Gateway::Gateway(std::shared_ptr<const config::Config> config, metrics::Metrics& metrics, Queues queues, Time now,
                 uint64_t seed, Queues callbacks)
    : config_(std::move(config)), metrics_(metrics), seeds_(seed), rate_key_secret_(seeds_.next()) {
  for (auto& [name, queue] : queues) {
    queues_[name].queue = std::move(queue);
    queues_[name].metrics = &metrics_.queue(name);
  }
  for (auto& [name, store] : callbacks) {
    queues_[name].callbacks = std::move(store);
    queues_[name].callback_metrics = &metrics_.queue(callbacks_name(name));
  }
  for (const auto& [name, upstream] : config_->upstreams) {
    upstreams_[name] = std::make_unique<Upstream>(upstream, metrics_.upstream(name));
    if (upstream.breaker) upstream_breakers_[name] = make_breaker(name, *upstream.breaker, now);
    if (upstream.bulkhead) upstream_bulkheads_[name] = make_bulkhead(name, *upstream.bulkhead);
    if (upstream.retry_budget) budgets_[name] = std::make_shared<policy::RetryBudget>(*upstream.retry_budget);
  }
  for (const config::Listener& listener : config_->listeners) {
    routes_.emplace_back();
    for (const config::Route& route : listener.routes) routes_.back().push_back(make_route(route, now));
  }
}

Gateway::~Gateway() = default;

std::shared_ptr<policy::Breaker> Gateway::make_breaker(const std::string& name, const policy::BreakerConfig& config,
                                                       Time now) {
  auto breaker = std::make_shared<policy::Breaker>(name, config, now, seeds_.next());
  breaker->on_transition([this](const policy::Breaker& which, const policy::Transition& transition) {
    announce(metrics_, which, transition);
  });
  breakers_.push_back(breaker);
  return breaker;
}

std::shared_ptr<policy::Bulkhead> Gateway::make_bulkhead(const std::string& name,
                                                         const policy::BulkheadConfig& config) {
  bulkheads_.push_back(std::make_shared<policy::Bulkhead>(name, config));
  return bulkheads_.back();
}

RouteState Gateway::make_route(const config::Route& route, Time now) {
  const auto shared = [&](const auto& map) {
    const auto found = map.find(route.upstream);
    return found == map.end() ? nullptr : found->second;
  };
  RouteState state;
  state.config = &route;
  state.upstream = upstreams_.at(route.upstream).get();
  state.metrics = &metrics_.route(route.name);
  if (route.rate_limit) state.policy.limiter = std::make_shared<policy::RateLimiter>(route.rate_limit->limit);
  if (route.rate_limit && route.rate_limit->store)
    state.shared_limit = std::make_shared<SharedLimit>(route, rate_store(*route.rate_limit->store));
  state.policy.breaker = route.breaker ? make_breaker(route.name, *route.breaker, now) : shared(upstream_breakers_);
  state.policy.bulkhead = route.bulkhead ? make_bulkhead(route.name, *route.bulkhead) : shared(upstream_bulkheads_);
  state.policy.budget = shared(budgets_);
  state.policy.timeout = route.timeout;
  state.policy.retry = route.retry;
  if (!route.fallback) return state;
  state.policy.fallback_on = route.fallback->on;
  state.enqueue = std::get_if<config::FallbackEnqueue>(&route.fallback->action);
  state.respond = std::get_if<config::FallbackRespond>(&route.fallback->action);
  state.policy.fallback = state.enqueue ? policy::FallbackKind::enqueue : policy::FallbackKind::respond;
  if (state.enqueue) state.queue = &queues_.at(state.enqueue->queue);
  state.policy.probes = state.queue;
  return state;
}

size_t Gateway::rate_store(const redis::Address& address) {
  for (size_t i = 0; i < rate_stores_.size(); ++i) {
    if (rate_stores_[i]->address() == address) return i;
  }
  rate_stores_.push_back(std::make_unique<RateStoreHealth>(address));
  return rate_stores_.size() - 1;
}

const RouteState* Gateway::find_route(const std::string& name) const {
  for (const auto& listener : routes_) {
    for (const RouteState& route : listener) {
      if (route.config->name == name) return &route;
    }
  }
  return nullptr;
}

Worker::Worker(net::Runtime& runtime, Gateway& gateway, int count) : runtime_(runtime), gateway_(gateway) {
  for (auto& [name, upstream] : gateway_.upstreams()) {
    const int share = std::max(1, upstream->config().max_connections / count);
    pools_[name] = std::make_unique<Pool>(runtime_, *upstream, share);
  }
  for (const auto& store : gateway_.rate_stores()) {
    rate_stores_.push_back(std::make_unique<RateStore>(runtime_, *store));
  }
  for (size_t i = 0; i < gateway_.config().listeners.size(); ++i) {
    listeners_.push_back(std::make_unique<ListenerService>(*this, i));
  }
}

Worker::~Worker() = default;

Status Worker::listen() {
  for (auto& listener : listeners_) {
    if (Status status = listener->listen(); !status) return status;
  }
  return Ok{};
}

SocketAddress Worker::address(size_t index) const { return listeners_.at(index)->address(); }

void Worker::drain(std::function<void()> done) {
  drained_ = std::move(done);
  draining_left_ = listeners_.size();
  for (auto& listener : listeners_) {
    listener->drain([this] {
      if (--draining_left_ > 0) return;
      for (auto& [name, pool] : pools_) pool->close_idle();
      drained_();
    });
  }
}

size_t Worker::connections() const {
  size_t sum = 0;
  for (const auto& listener : listeners_) sum += listener->connections();
  return sum;
}

}  // namespace tidegate::core
