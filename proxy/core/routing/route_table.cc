#include "core/routing/route_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace tidegate::core {

class RouteTable::Builder {
 public:
  Builder(std::shared_ptr<const config::Config> config, Policies& policies)
      : made_(new RouteTable()), table_(*made_), policies_(policies) {
    table_.config_ = std::move(config);
    table_.rate_key_secret_ = policies.rate_key_secret();
    table_.outgoing_tls_.context = policies.outgoing_tls(table_.config_->tls);
    for (const auto& [name, queue] : table_.config_->queues) {
      table_.queues_[name] = &policies.queues().at(name);
      table_.held_.push_back(policies.hold(name));
    }
    next_upstream_ = table_.config_->upstreams.begin();
  }

  // The next upstream or, where they are all there, route. False: there is none.
  bool add_next() {
    const config::Config& config = *table_.config_;
    if (next_upstream_ != config.upstreams.end()) {
      add(next_upstream_++->second);
      return true;
    }
    while (table_.listeners_.empty() || next_route_ == table_.listeners_.back().config->routes.size()) {
      if (table_.listeners_.size() == config.listeners.size()) return false;
      add(config.listeners[table_.listeners_.size()]);
    }
    add_route(table_.listeners_.back(), next_route_++);
    return true;
  }

  std::shared_ptr<const RouteTable> take() { return std::move(made_); }

 private:
  template <typename Policy>
  using ByUpstream = std::map<std::string, std::shared_ptr<Policy>>;

  void add(const config::Upstream& upstream) {
    using Owner = Policies::Owner;
    const std::string& name = upstream.name;
    table_.upstreams_[name] = policies_.upstream(upstream);
    if (upstream.breaker) breakers_[name] = breaker(Owner::upstream, name, *upstream.breaker, *table_.upstreams_[name]);
    if (upstream.bulkhead) bulkheads_[name] = bulkhead(Owner::upstream, name, *upstream.bulkhead);
    if (upstream.retry_budget) budgets_[name] = policies_.retry_budget(name, *upstream.retry_budget);
  }

  void add(const config::Listener& listener) {
    ListenerRoutes& added = table_.listeners_.emplace_back();
    added.config = &listener;
    added.connections = policies_.connection_count(listener);
    added.tls = policies_.listener_tls(listener);
    added.routes.reserve(listener.routes.size());
    next_route_ = 0;
  }

  void add_route(ListenerRoutes& listener, size_t index) {
    listener.routes.push_back(make_route(*listener.config, listener.config->routes[index]));
    QueueState* queue = listener.routes.back().queue;
    const bool known = std::find(listener.queues.begin(), listener.queues.end(), queue) != listener.queues.end();
    if (queue && !known) listener.queues.push_back(queue);
  }

  // The route's own policies, else its upstream's.
  RouteState make_route(const config::Listener& listener, const config::Route& route) {
    using Owner = Policies::Owner;
    RouteState state;
    state.listener = &listener;
    state.config = &route;
    state.upstream = table_.upstreams_.at(route.upstream).get();
    state.metrics = &policies_.metrics().route(route.name);
    policy::RoutePolicy& policy = state.policy;
    policy.breaker =
        route.breaker ? breaker(Owner::route, route.name, *route.breaker, *state.upstream) : of(breakers_, route);
    if (policy.breaker) state.judged = table_.judged_.at(policy.breaker.get()).get();
    policy.bulkhead = route.bulkhead ? bulkhead(Owner::route, route.name, *route.bulkhead) : of(bulkheads_, route);
    policy.budget = of(budgets_, route);
    policy.health = policies_.health(route.upstream);
    policy.timeout = route.timeout;
    policy.retry = route.retry;
    if (route.rate_limit) set_rate_limit(state, *route.rate_limit);
    if (route.fallback) set_fallback(state, *route.fallback);
    return state;
  }

  void set_rate_limit(RouteState& state, const config::RateLimit& limit) {
    state.policy.limiter = policies_.rate_limiter(state.config->name, limit.limit);
    if (!limit.store) return;
    state.shared_limit = std::make_shared<SharedLimit>(*state.config);
    auto store = policies_.rate_store(*limit.store);
    state.rate_store = store.get();
    auto& stores = table_.rate_stores_;
    if (std::find(stores.begin(), stores.end(), store) == stores.end()) stores.push_back(std::move(store));
  }

  void set_fallback(RouteState& state, const config::Fallback& fallback) {
    state.policy.fallback_on = fallback.on;
    state.enqueue = std::get_if<config::FallbackEnqueue>(&fallback.action);
    state.respond = std::get_if<config::FallbackRespond>(&fallback.action);
    state.policy.fallback = state.enqueue ? policy::FallbackKind::enqueue : policy::FallbackKind::respond;
    if (!state.enqueue) return;
    state.queue = &policies_.queues().at(state.enqueue->queue);
    state.queue_config = &table_.config_->queues.at(state.enqueue->queue);
    state.policy.probes = state.queue;
  }

  std::shared_ptr<policy::Breaker> breaker(Policies::Owner owner, const std::string& name,
                                           const policy::BreakerConfig& config, const Upstream& upstream) {
    const auto& made = table_.breakers_.emplace_back(policies_.breaker(owner, name, config));
    table_.judged_[made.get()] = policies_.judged(owner, name, *made, upstream);
    return made;
  }

  std::shared_ptr<policy::Bulkhead> bulkhead(Policies::Owner owner, const std::string& name,
                                             const policy::BulkheadConfig& config) {
    return table_.bulkheads_.emplace_back(policies_.bulkhead(owner, name, config));
  }

  template <typename Policy>
  static std::shared_ptr<Policy> of(const ByUpstream<Policy>& policies, const config::Route& route) {
    const auto found = policies.find(route.upstream);
    return found == policies.end() ? nullptr : found->second;
  }

  std::shared_ptr<RouteTable> made_;
  RouteTable& table_;
  Policies& policies_;
  ByUpstream<policy::Breaker> breakers_;
  ByUpstream<policy::Bulkhead> bulkheads_;
  ByUpstream<policy::RetryBudget> budgets_;
  std::map<std::string, config::Upstream>::const_iterator next_upstream_;
  size_t next_route_ = 0;  // of the last listener
};

RouteTable::Build::Build(std::shared_ptr<const config::Config> config, Policies& policies)
    : builder_(std::make_unique<Builder>(std::move(config), policies)) {}

RouteTable::Build::~Build() = default;

bool RouteTable::Build::step() {
  TG_ASSERT(!complete_);
  complete_ = !builder_->add_next();
  return !complete_;
}

std::shared_ptr<const RouteTable> RouteTable::Build::take() {
  TG_ASSERT(complete_);
  return std::exchange(builder_, nullptr)->take();  // what the builder holds would outlive the table
}

std::shared_ptr<const RouteTable> RouteTable::build(std::shared_ptr<const config::Config> config, Policies& policies) {
  Build build(std::move(config), policies);
  while (build.step()) {
  }
  return build.take();
}

const RouteState* RouteTable::find_route(std::string_view name) const {
  for (const ListenerRoutes& listener : listeners_) {
    for (const RouteState& route : listener.routes) {
      if (route.config->name == name) return &route;
    }
  }
  return nullptr;
}

RoutePtr find_route(const std::shared_ptr<const RouteTable>& table, std::string_view name) {
  const RouteState* route = table->find_route(name);
  return route ? RoutePtr(table, route) : nullptr;
}

}  // namespace tidegate::core
