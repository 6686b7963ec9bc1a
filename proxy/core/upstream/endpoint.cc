#include "core/upstream/endpoint.h"

#include <algorithm>

#include "core/upstream/lookup_report.h"
#include "net/connect_host.h"
#include "net/names/connect_name.h"
#include "net/tls/tls_handshake.h"
#include "policy/endpoints/endpoint_choice.h"

namespace tidegate::core {

namespace {

constexpr Duration kAvoidFor = 1s;

int64_t ns(Time time) { return time.time_since_epoch().count(); }

std::shared_ptr<net::WatchedName> watch_name(const EndpointConfig& config, metrics::UpstreamMetrics& metrics,
                                             net::NameWatcher& names) {
  if (IpAddress::parse(config.endpoint.host)) return nullptr;
  return names.watch(config.endpoint.host, config.dns, report_lookups(config.upstream, metrics));
}

}  // namespace

static_assert(std::atomic<Endpoint::Load>::is_always_lock_free);

Endpoint::Endpoint(EndpointConfig config, metrics::UpstreamMetrics& metrics, net::NameWatcher& names,
                   std::shared_ptr<net::TlsContext> tls)
    : config_(std::move(config)),
      metrics_(metrics.endpoint(config_.endpoint.authority)),
      health_(config_.upstream, config_.endpoint.authority, metrics_, config_.health_check, config_.outlier_ejection,
              [this] { notify_users(); }),
      name_(watch_name(config_, metrics, names)),
      tls_(std::move(tls)) {}

void Endpoint::join(EndpointUser& user) {
  const std::lock_guard lock(users_mutex_);
  users_.push_back(&user);
}

void Endpoint::leave(EndpointUser& user) {
  const std::lock_guard lock(users_mutex_);
  std::erase(users_, &user);
}

void Endpoint::notify_users() {
  const std::lock_guard lock(users_mutex_);
  for (EndpointUser* user : users_) user->on_endpoint_changed();
}

std::unique_ptr<net::Operation> Endpoint::connect(net::Runtime& runtime, net::ConnectCallback done) {
  if (!tls_) return connect_plainly(runtime, std::move(done));
  const config::Endpoint& to = config_.endpoint;
  const std::string& expected = config_.tls.server_name.empty() ? to.host : config_.tls.server_name;
  return net::connect_tls(
      runtime, {tls_, {expected, to.authority}, config_.tls.handshake_timeout},
      [&](net::ConnectCallback connected) { return connect_plainly(runtime, std::move(connected)); }, std::move(done));
}

std::unique_ptr<net::Operation> Endpoint::connect_plainly(net::Runtime& runtime, net::ConnectCallback done) {
  const config::Endpoint& to = config_.endpoint;
  if (name_) return net::connect_name(runtime, *name_, to.port, config_.connect_timeout, std::move(done));
  return net::connect_host(runtime, to.host, to.port, config_.connect_timeout, std::move(done));
}

void Endpoint::begin_request() {
  while (!try_begin_request(load())) {
  }
}

void Endpoint::end_request() {
  Load seen = load();
  while (!load_.compare_exchange_weak(seen, {seen.requests - 1, seen.turns}, std::memory_order_relaxed)) {
  }
}

void Endpoint::lose_turns(uint32_t turns) {
  Load seen = load();
  while (policy::is_before(seen.turns, turns) &&
         !load_.compare_exchange_weak(seen, {seen.requests, turns}, std::memory_order_relaxed)) {
  }
}

bool Endpoint::just_failed(Time now) const { return ns(now) < avoid_until_ns_.load(std::memory_order_relaxed); }

void Endpoint::avoid(Time now) { avoid_until_ns_ = ns(now + kAvoidFor); }

void Endpoint::connect_failed(std::string_view reason, Time now) {
  avoid(now);
  health_.connect_failed(reason, now);
}

void Endpoint::connected(Time now) {
  avoid_until_ns_ = 0;
  health_.reached(now);
}

}  // namespace tidegate::core
