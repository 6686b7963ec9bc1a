#include "core/routing/policies.h"

namespace tidegate::core {

namespace {

// The live object of `entry`, if it is the same; else the new one of `make`, remembered in its place.
template <typename Object, typename IsSame, typename Make>
std::shared_ptr<Object> remembered_or_made(std::weak_ptr<Object>& entry, const IsSame& is_same, const Make& make) {
  if (auto found = entry.lock(); found && is_same(*found)) return found;
  const std::shared_ptr<Object> made = make();
  entry = made;
  return made;
}

// The live object under `key` whose settings are `config`; else the new one of `make`, remembered in its place.
template <typename Key, typename Object, typename Config, typename Make>
std::shared_ptr<Object> find_or_make(std::map<Key, std::weak_ptr<Object>>& remembered, const Key& key,
                                     const Config& config, const Make& make) {
  return remembered_or_made(
      remembered[key], [&](const Object& found) { return found.config() == config; }, make);
}

// The first by name of the stores that keep notes, if any does.
jobs::NoteStore* note_store_of(const Policies::QueueStores& queues) {
  for (const auto& [name, queue] : queues) {
    if (jobs::NoteStore* store = queue->note_store()) return store;
  }
  return nullptr;
}

std::string note_key(Policies::Owner owner, const std::string& name) {
  return (owner == Policies::Owner::route ? "breaker of route " : "breaker of upstream ") + name;
}

}  // namespace

Policies::Policies(net::Runtime& runtime, metrics::Metrics& metrics, QueueStores queues, QueueStores callbacks,
                   uint64_t seed, const config::Limits& limits)
    : runtime_(runtime),
      metrics_(metrics),
      buffers_(limits.buffered),
      seeds_(seed),
      rate_key_secret_(seeds_.next()),
      breaker_memory_(note_store_of(queues)),
      driver_(runtime, metrics, breaker_memory_),
      names_(runtime),
      tls_watch_(runtime),
      monitor_(runtime) {
  for (auto& [name, queue] : queues) {
    queues_[name].queue = std::move(queue);
    queues_[name].metrics = &metrics_.queue(name);
  }
  for (auto& [name, store] : callbacks) {
    queues_[name].callbacks = std::move(store);
    queues_[name].callback_metrics = &metrics_.queue(callbacks_name(name));
  }
}

std::shared_ptr<policy::Breaker> Policies::breaker(Owner owner, const std::string& name,
                                                   const policy::BreakerConfig& config) {
  return find_or_make(breakers_, OwnedName(owner, name), config, [&] {
    const auto breaker = std::make_shared<policy::Breaker>(name, config, runtime_.now(), seeds_.next());
    driver_.add(note_key(owner, name), breaker);
    return breaker;
  });
}

std::shared_ptr<policy::Bulkhead> Policies::bulkhead(Owner owner, const std::string& name,
                                                     const policy::BulkheadConfig& config) {
  return find_or_make(bulkheads_, OwnedName(owner, name), config,
                      [&] { return std::make_shared<policy::Bulkhead>(name, config); });
}

std::shared_ptr<policy::RetryBudget> Policies::retry_budget(const std::string& upstream,
                                                            const policy::RetryBudgetConfig& config) {
  return find_or_make(budgets_, upstream, config, [&] { return std::make_shared<policy::RetryBudget>(config); });
}

std::shared_ptr<policy::RateLimiter> Policies::rate_limiter(const std::string& route,
                                                            const policy::RateLimitConfig& config) {
  return find_or_make(limiters_, route, config, [&] { return std::make_shared<policy::RateLimiter>(config); });
}

std::shared_ptr<Upstream> Policies::upstream(const config::Upstream& config) {
  return find_or_make(upstreams_, config.name, config, [&] {
    Endpoints endpoints;
    for (const config::Endpoint& each : config.endpoints) endpoints.push_back(endpoint(EndpointConfig(config, each)));
    return std::make_shared<Upstream>(config, metrics_.upstream(config.name), std::move(endpoints));
  });
}

std::shared_ptr<Endpoint> Policies::endpoint(const EndpointConfig& config) {
  return find_or_make(endpoints_, std::pair(config.upstream, config.endpoint.authority), config, [&] {
    const auto made = std::make_shared<Endpoint>(config, metrics_.upstream(config.upstream), names_,
                                                 config.endpoint.tls ? upstream_tls(config) : nullptr);
    monitor_.add(made);
    return made;
  });
}

std::shared_ptr<net::TlsContext> Policies::upstream_tls(const EndpointConfig& config) {
  constexpr auto kAlpn = net::TlsContext::Alpn::http;
  const auto same_files = [&](const net::TlsContext& found) { return found.is_for_servers(config.tls, kAlpn); };
  return remembered_or_made(upstream_tls_[config.upstream], same_files, [&] {
    std::vector<net::TlsFileProblem> problems;  // whoever loaded the configuration has seen them
    const auto made = net::TlsContext::for_servers(config.tls, kAlpn, problems);
    tls_watch_.add("upstream", config.upstream, made);
    return made;
  });
}

std::shared_ptr<net::TlsContext> Policies::listener_tls(const config::Listener& listener) {
  if (!listener.tls) return nullptr;
  const auto same_files = [&](const net::TlsContext& found) { return found.is_for_clients(*listener.tls); };
  return remembered_or_made(listener_tls_[listener.name], same_files, [&] {
    std::vector<net::TlsFileProblem> problems;  // whoever loaded the configuration has seen them
    const auto made = net::TlsContext::for_clients(*listener.tls, problems);
    tls_watch_.add("listener", listener.name, made);
    return made;
  });
}

std::shared_ptr<policy::UpstreamHealth> Policies::health(const std::string& upstream) {
  const auto always = [](const auto&) { return true; };
  return remembered_or_made(healths_[upstream], always, [] { return std::make_shared<policy::UpstreamHealth>(); });
}

std::shared_ptr<http::ConnectionCount> Policies::connection_count(const config::Listener& listener) {
  const auto max = static_cast<size_t>(listener.limits.connections);
  const auto same_max = [max](const http::ConnectionCount& found) { return found.max() == max; };
  return remembered_or_made(connection_counts_[listener.name], same_max,
                            [max] { return std::make_shared<http::ConnectionCount>(max); });
}

std::shared_ptr<RateStoreHealth> Policies::rate_store(const redis::Address& address) {
  const auto same_address = [&](const RateStoreHealth& found) { return found.address() == address; };
  return remembered_or_made(rate_stores_[address.shown()], same_address,
                            [&] { return std::make_shared<RateStoreHealth>(address); });
}

}  // namespace tidegate::core
