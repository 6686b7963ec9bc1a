#include "core/routing/policies.h"

#include <utility>

#include "core/routing/queue_limits.h"

namespace tidegate::core {

namespace {

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
      breaker_memory_(note_stores_of(queues)),
      driver_(runtime, metrics, breaker_memory_),
      names_(runtime),
      tls_watch_(runtime),
      monitor_(runtime),
      link_(std::make_shared<Policies*>(this)) {
  add(std::move(queues), std::move(callbacks));
}

void Policies::add(QueueStores queues, QueueStores callbacks) {
  for (auto& [name, queue] : queues) {
    for (const jobs::TlsContextPtr& tls : queue->tls()) tls_watch_.add("queue", name, tls);
    queues_[name].queue = std::move(queue);
    queues_[name].metrics = &metrics_.queue(name);
  }
  for (auto& [name, store] : callbacks) {
    queues_[name].callbacks = std::move(store);
    queues_[name].callback_metrics = &metrics_.queue(callbacks_name(name));
  }
}

// The live object of `entry`, if it is the same; else the new one of `make`. Where that replaces a live one, which a
// table uses, it does so on the commit; until then a second call finds it here.
template <typename Object, typename IsSame, typename Make>
std::shared_ptr<Object> Policies::find_or_make(std::weak_ptr<Object>& entry, const IsSame& is_same, const Make& make) {
  const auto found = entry.lock();
  if (found && is_same(*found)) return found;
  if (const auto earlier = made_.find(&entry); earlier != made_.end()) {
    const auto object = std::static_pointer_cast<Object>(earlier->second);
    if (is_same(*object)) return object;
  }
  const std::shared_ptr<Object> made = make();
  if (found) {
    made_[&entry] = made;
    on_commit_.push_back([&entry, made] { entry = made; });
  } else {
    entry = made;
  }
  return made;
}

template <typename Object, typename Make, typename Reconfigure>
std::shared_ptr<Object> Policies::find_by_name(std::weak_ptr<Object>& entry, const Make& make,
                                               const Reconfigure& reconfigure) {
  if (const auto found = entry.lock()) {
    on_commit_.push_back([found, reconfigure] { reconfigure(*found); });
    return found;
  }
  const std::shared_ptr<Object> made = make();
  entry = made;
  return made;
}

void Policies::stop_appends_but_of(const config::Config& next) {
  for (auto& [name, queue] : queues_) {
    if (!next.queues.contains(name)) queue.closing = true;
  }
}

void Policies::take_appends_of(const config::Config& in_force) {
  for (auto& [name, queue] : queues_) {
    queue.closing = !in_force.queues.contains(name);
    queue.was_in_force |= !queue.closing;
  }
}

std::shared_ptr<const void> Policies::hold(const std::string& name) {
  QueueState& state = queues_.at(name);
  auto held = state.held.lock();
  if (held) return held;
  held = {static_cast<const void*>(&state), [link = link_, &runtime = runtime_](const void*) {
            runtime.post([link] {
              if (*link) (*link)->on_let_go();
            });
          }};
  state.held = held;
  return held;
}

std::vector<std::string> Policies::unused_queues() const {
  std::vector<std::string> unused;
  for (const auto& [name, queue] : queues_) {
    if (queue.closing && queue.held.expired()) unused.push_back(name);
  }
  return unused;
}

// Somebody does not hold a queue any more, or a store is closed.
void Policies::on_let_go() {
  std::erase_if(closed_queues_, [](const ClosedQueue& closed) {
    return closed.stores_open == 0 && closed.node.mapped().held.expired();
  });
  if (on_unused_) on_unused_();
}

void Policies::close(const std::string& name, std::function<void()> done) {
  ClosedQueue& closed = closed_queues_.emplace_back(ClosedQueue{queues_.extract(name)});
  closed.stores_open = closed.node.mapped().callbacks ? 2 : 1;
  // What a store says at its end comes while it still runs: it ends later.
  const auto one_closed = [this, link = link_, &closed, done = std::move(done)] {
    if (!*link || --closed.stores_open > 0) return;
    runtime_.post([link] {
      if (*link) (*link)->on_let_go();
    });
    done();
  };
  for (const auto& store : {closed.node.mapped().queue, closed.node.mapped().callbacks}) {
    if (store) store->close(runtime_, one_closed);
  }
}

void Policies::set_queue_limits(const config::Config& config) {
  for (const auto& [name, queue] : config.queues) {
    QueueState& state = queues_.at(name);
    state.queue->set_limits(queue_limits(queue));
    if (state.callbacks) state.callbacks->set_limits(callback_limits(queue));
  }
}

// Only those of configured queues, as the next process opens no others. A removed queue that has the notes is kept open
// until they have moved.
void Policies::choose_note_stores(const config::Config& config) {
  QueueStores configured;
  std::shared_ptr<const void> use_of_removed;
  for (auto& [name, queue] : queues_) {
    if (config.queues.contains(name)) configured[name] = queue.queue;
    else if (queue.queue->note_store() == breaker_memory_.store()) use_of_removed = hold(name);
  }
  breaker_memory_.use(note_stores_of(configured), use_of_removed);
}

void Policies::commit(const config::Config& config) {
  driver_.drop(replaced_breakers_);
  for (const auto& breaker : std::exchange(replaced_breakers_, {})) {
    metrics_.breaker_ends(breaker->name(), breaker->view(runtime_.now()));
    metrics_.breaker_begins(breaker->name());
  }
  for (const auto& change : std::exchange(on_commit_, {})) change();
  made_.clear();
  buffers_.set_limit(config.limits.buffered);
  set_queue_limits(config);
  take_appends_of(config);
  choose_note_stores(config);
  driver_.stop_recalling();
}

std::shared_ptr<policy::Breaker> Policies::breaker(Owner owner, const std::string& name,
                                                   const policy::BreakerConfig& config) {
  auto& entry = breakers_[{owner, name}];
  const auto before = entry.lock();
  const auto same = [&](const policy::Breaker& found) { return found.config() == config; };
  const auto breaker = find_or_make(entry, same, [&] {
    const auto made = std::make_shared<policy::Breaker>(name, config, runtime_.now(), seeds_.next());
    driver_.add(note_key(owner, name), made);
    return made;
  });
  if (!before) metrics_.breaker_begins(name);
  if (before && before != breaker) replaced_breakers_.push_back(before);
  return breaker;
}

std::shared_ptr<policy::Bulkhead> Policies::bulkhead(Owner owner, const std::string& name,
                                                     const policy::BulkheadConfig& config) {
  return find_by_name(
      bulkheads_[{owner, name}], [&] { return std::make_shared<policy::Bulkhead>(name, config); },
      [config](policy::Bulkhead& bulkhead) { bulkhead.reconfigure(config); });
}

std::shared_ptr<policy::RetryBudget> Policies::retry_budget(const std::string& upstream,
                                                            const policy::RetryBudgetConfig& config) {
  const auto same = [&](const policy::RetryBudget& found) { return found.config() == config; };
  return find_or_make(budgets_[upstream], same, [&] { return std::make_shared<policy::RetryBudget>(config); });
}

std::shared_ptr<policy::RateLimiter> Policies::rate_limiter(const std::string& route,
                                                            const policy::RateLimitConfig& config) {
  const auto same = [&](const policy::RateLimiter& found) { return found.config() == config; };
  return find_or_make(limiters_[route], same, [&] { return std::make_shared<policy::RateLimiter>(config); });
}

std::shared_ptr<ConnectionLimit> Policies::connection_limit(const config::Upstream& config) {
  const int connections = config.max_connections, pending = config.max_pending;
  return find_by_name(
      connection_limits_[config.name], [=] { return std::make_shared<ConnectionLimit>(connections, pending); },
      [=](ConnectionLimit& limit) { limit.reconfigure(connections, pending); });
}

std::shared_ptr<Upstream> Policies::upstream(const config::Upstream& config) {
  const auto limit = connection_limit(config);
  const auto same = [&](const Upstream& found) { return found.is_reached_as(config); };
  return find_or_make(upstreams_[config.name], same, [&] {
    Endpoints endpoints;
    for (const config::Endpoint& each : config.endpoints) endpoints.push_back(endpoint(EndpointConfig(config, each)));
    return std::make_shared<Upstream>(config, metrics_.upstream(config.name), std::move(endpoints), limit);
  });
}

std::shared_ptr<Endpoint> Policies::endpoint(const EndpointConfig& config) {
  const auto same = [&](const Endpoint& found) { return found.config() == config; };
  auto& entry = endpoints_[{config.upstream, config.endpoint.authority}];
  const bool replaces = !entry.expired();
  return find_or_make(entry, same, [&] {
    const auto tls = config.endpoint.tls
                         ? client_tls(upstream_tls_[config.upstream], "upstream", config.upstream, config.tls)
                         : nullptr;
    const auto made = std::make_shared<Endpoint>(config, metrics_.upstream(config.upstream), names_, tls);
    // Its watch ends that of the one before, which is in force until the commit.
    if (replaces) on_commit_.push_back([this, made] { monitor_.add(made); });
    else monitor_.add(made);
    return made;
  });
}

std::shared_ptr<net::TlsContext> Policies::client_tls(std::weak_ptr<net::TlsContext>& entry, const char* section,
                                                      const std::string& name, const net::TlsClientConfig& config) {
  constexpr auto kAlpn = net::TlsContext::Alpn::http;
  const auto same_files = [&](const net::TlsContext& found) { return found.is_for_servers(config, kAlpn); };
  return find_or_make(entry, same_files, [&] {
    std::vector<net::TlsFileProblem> problems;  // reported when the configuration was loaded
    const auto made = net::TlsContext::for_servers(config, kAlpn, problems);
    tls_watch_.add(section, name, made);
    return made;
  });
}

std::shared_ptr<net::TlsContext> Policies::listener_tls(const config::Listener& listener) {
  if (!listener.tls) return nullptr;
  const auto same_files = [&](const net::TlsContext& found) { return found.is_for_clients(*listener.tls); };
  return find_or_make(listener_tls_[listener.name], same_files, [&] {
    std::vector<net::TlsFileProblem> problems;  // reported when the configuration was loaded
    const auto made = net::TlsContext::for_clients(*listener.tls, problems);
    tls_watch_.add("listener", listener.name, made);
    return made;
  });
}

std::shared_ptr<JudgedFailures> Policies::judged(Owner owner, const std::string& name, const policy::Breaker& breaker,
                                                 const Upstream& upstream) {
  const policy::Conditions& failures = breaker.config().failures;
  const auto same = [&](const JudgedFailures& found) {
    return &found.failures == &failures && &found.upstream == &upstream;
  };
  return find_or_make(judged_[{owner, name}], same,
                      [&] { return std::make_shared<JudgedFailures>(failures, upstream); });
}

std::shared_ptr<policy::UpstreamHealth> Policies::health(const std::string& upstream) {
  const auto always = [](const auto&) { return true; };
  return find_or_make(healths_[upstream], always, [] { return std::make_shared<policy::UpstreamHealth>(); });
}

std::shared_ptr<http::ConnectionCount> Policies::connection_count(const config::Listener& listener) {
  const auto max = static_cast<size_t>(listener.limits.connections);
  return find_by_name(
      connection_counts_[listener.name], [max] { return std::make_shared<http::ConnectionCount>(max); },
      [max](http::ConnectionCount& count) { count.set_max(max); });
}

std::shared_ptr<RateStoreHealth> Policies::rate_store(const redis::Address& address) {
  const auto same_address = [&](const RateStoreHealth& found) { return found.address() == address; };
  return find_or_make(rate_stores_[address.shown()], same_address, [&] {
    const auto made = std::make_shared<RateStoreHealth>(address);
    if (made->tls().used()) tls_watch_.add("rate_limit_store", address.shown(), made->tls().context);
    return made;
  });
}

std::shared_ptr<net::TlsContext> Policies::outgoing_tls(const config::Tls& config) {
  return client_tls(outgoing_tls_, "tls", "", {.ca_file = config.ca_file});
}

}  // namespace tidegate::core
