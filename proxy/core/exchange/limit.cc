// The exchange's rate limit where replicas share it: asked of the store before the plan begins. While the store is
// known to be away nobody waits for it.
//
//   start ─▶ asking_limit ─▶ plan_->begin(its decision)
//     │           └─ failed, or the deadline came ─┐
//     └─ the store is away ────────────────────────┴─▶ on_store_failure: local, allow, deny ─▶ plan_->begin(…)
#include "core/exchange/exchange.h"
#include "core/limits/shared_limit.h"

namespace tidegate::core {

namespace {

// What a refusal for want of the store promises: that it is asked again soon.
constexpr Duration kAskAgain = 1s;

template <typename Builder>
void add_parts(Builder& builder, const config::RateLimit& limit, const IpAddress& client, const http::Fields& fields) {
  for (const config::RateKeyPart& part : limit.key) {
    if (part.kind == config::RateKeyPart::Kind::client_ip) builder.add(client, limit.ipv6_prefix);
    else if (part.kind == config::RateKeyPart::Kind::header) builder.add(fields.find(part.header).value_or(""));
  }
}

}  // namespace

policy::RateKey Exchange::rate_key() const {
  policy::RateKeyBuilder builder(table_->rate_key_secret());
  add_parts(builder, *route_.config->rate_limit, client_, head().fields);
  return builder.key();
}

void Exchange::ask_shared_limit() {
  const SharedLimit& limit = *route_.shared_limit;
  RateStore& store = worker_.rate_store(*route_.rate_store);
  if (!store.usable()) return begin_without_store();
  state_ = State::asking_limit;
  timer_.start_at(plan_->deadline());
  SharedKey key(limit.secret);
  add_parts(key, *route_.config->rate_limit, client_, head().fields);
  asking_ = store.ask(limit, key.hex(), [this](const auto& decision) { shared_limit_known(decision); });
}

void Exchange::shared_limit_known(const std::optional<policy::RateDecision>& decision) {
  asking_.reset();
  if (!decision) return begin_without_store();
  // The local limit knows what the store has let pass, so that it is already right when it has to take over.
  const bool keeps_warm = route_.shared_limit->on_failure == config::OnStoreFailure::local;
  if (decision->allowed && keeps_warm) route_.policy.limiter->record(rate_key(), runtime().now());
  perform(plan_->begin(*decision, runtime().now()));
}

void Exchange::begin_without_store() {
  const Time now = runtime().now();
  switch (route_.shared_limit->on_failure) {
    case config::OnStoreFailure::local: return perform(plan_->begin(now));
    case config::OnStoreFailure::allow: return perform(plan_->begin(policy::RateDecision{}, now));
    case config::OnStoreFailure::deny:
      return perform(plan_->begin({.allowed = false, .retry_after = kAskAgain, .reset_after = kAskAgain}, now));
  }
}

}  // namespace tidegate::core
