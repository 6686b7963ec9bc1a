#include "core/exchange/limit_check.h"

#include "core/limits/shared_limit.h"

namespace tidegate::core {

namespace {

constexpr Duration kStoreRecheckDelay = 1s;  // Retry-After of a refusal while the store is unavailable

template <typename Builder>
void add_parts(Builder& builder, const config::RateLimit& limit, const LimitedClient& client) {
  for (const config::RateKeyPart& part : limit.key) {
    switch (part.kind) {
      case config::RateKeyPart::Kind::client_ip: builder.add(client.address, limit.ipv6_prefix); break;
      case config::RateKeyPart::Kind::header: builder.add(client.fields.find(part.header).value_or("")); break;
      case config::RateKeyPart::Kind::global: break;  // all clients have one key
    }
  }
}

std::string shared_key(const RouteState& route, const LimitedClient& client) {
  SharedKey key(route.shared_limit->secret);
  add_parts(key, *route.config->rate_limit, client);
  return key.hex();
}

}  // namespace

policy::RateKey local_rate_key(const config::RateLimit& limit, uint64_t secret, const LimitedClient& client) {
  policy::RateKeyBuilder builder(secret);
  add_parts(builder, limit, client);
  return builder.key();
}

LimitDecision decide_without_store(config::OnStoreFailure on_failure) {
  switch (on_failure) {
    case config::OnStoreFailure::local: return std::nullopt;
    case config::OnStoreFailure::allow: return policy::RateDecision{};
    case config::OnStoreFailure::deny:
      return policy::RateDecision{
          .allowed = false, .retry_after = kStoreRecheckDelay, .reset_after = kStoreRecheckDelay};
  }
  return std::nullopt;
}

LimitCheck::LimitCheck(Worker& worker, const RouteState& route, const LimitedClient& client,
                       const policy::RateKey& local_key, Time deadline, Done done)
    : runtime_(worker.runtime()),
      route_(route),
      local_key_(local_key),
      done_(std::move(done)),
      timer_(worker.runtime(), [this] { on_reply(std::nullopt); }),
      asking_(worker.rate_store(*route.rate_store)
                  .ask(*route.shared_limit, shared_key(route, client),
                       [this](const LimitDecision& decision) { on_reply(decision); })) {
  timer_.start_at(deadline);
}

// None: the store could not say, or not in time.
void LimitCheck::on_reply(const LimitDecision& decision) {
  asking_.reset();
  timer_.stop();
  const config::OnStoreFailure on_failure = route_.shared_limit->on_failure;
  if (!decision) return finish(decide_without_store(on_failure));
  // The local limiter counts what the store has admitted, so that it is already right when it has to take over.
  const bool keeps_warm = on_failure == config::OnStoreFailure::local;
  if (decision->allowed && keeps_warm) route_.policy.limiter->record(local_key_, runtime_.now());
  finish(decision);
}

void LimitCheck::finish(const LimitDecision& decision) {
  const Done done = std::move(done_);
  done(decision);  // may destroy this
}

}  // namespace tidegate::core
