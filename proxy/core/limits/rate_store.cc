#include "core/limits/rate_store.h"

#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "core/limits/limit_script.h"

namespace tidegate::core {

namespace {

constexpr Duration kBound = 1s;

}  // namespace

RateStoreHealth::RateStoreHealth(redis::Address address)
    : address_(std::move(address)), tls_(net::make_tls_server(address_.tls, net::TlsContext::Alpn::none)) {}

bool RateStoreHealth::up() const {
  const std::lock_guard lock(mutex_);
  return any_up();
}

std::string RateStoreHealth::why_unavailable() const {
  const std::lock_guard lock(mutex_);
  return any_up() ? "" : why_;
}

bool RateStoreHealth::any_up() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker.second; });
}

void RateStoreHealth::report(const void* worker, bool up, const std::string& why) {
  const std::lock_guard lock(mutex_);
  workers_[worker] = up;
  if (!up) why_ = why;
  const bool any = any_up();
  if (told_ == any) return;
  told_ = any;
  if (any) log_info("rate_limit_store_recovered", {{"store", address_.shown()}});
  else log_warn("rate_limit_store_unavailable", {{"store", address_.shown()}, {"reason", why}});
}

void RateStoreHealth::leave(const void* worker) {
  const std::lock_guard lock(mutex_);
  workers_.erase(worker);
}

RateStore::RateStore(net::Runtime& runtime, RateStoreHealth& health)
    : health_(health),
      client_(runtime, health.address(), {.connect_timeout = kBound, .command_timeout = kBound, .tls = health.tls()}),
      member_(to_hex(runtime.random_id()) + ":") {
  client_.on_change([this] { report(client_.ready(), client_.why_not_ready()); });
}

RateStore::~RateStore() { health_.leave(this); }

std::unique_ptr<net::Operation> RateStore::ask(const SharedLimit& limit, const std::string& key, Callback done) {
  return client_.run(limit_script(limit.limit.algorithm), {limit.key_prefix + key},
                     limit_arguments(limit.limit, member_ + std::to_string(++asked_)),
                     [this, done = std::move(done)](const Result<redis::Reply>& reply) { done(on_reply(reply)); });
}

// A server that refuses (it is full, or a replica) is as good as unavailable; the next call may find it healthy.
std::optional<policy::RateDecision> RateStore::on_reply(const Result<redis::Reply>& reply) {
  if (!reply.ok()) return std::nullopt;  // a broken connection has been reported, a full pipeline is no failure of it
  const Result<policy::RateDecision> decision = read_limit_reply(*reply);
  report(decision.ok(), decision.ok() ? "" : decision.error().message);
  if (!decision.ok()) return std::nullopt;
  return *decision;
}

void RateStore::report(bool up, const std::string& why) {
  if (reported_ == up && why == why_reported_) return;
  reported_ = up;
  why_reported_ = why;
  health_.report(this, up, why);
}

}  // namespace tidegate::core
