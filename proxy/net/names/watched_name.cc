#include "net/names/watched_name.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace tidegate::net {

namespace {

constexpr Duration kLookupInterval = 1s;  // between two look-ups that connections want
constexpr Duration kFailedIsLast = 30s;   // for so long a failed or silent address is called after the others

bool contains(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

bool are_same_set(const std::vector<IpAddress>& a, const std::vector<IpAddress>& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& each) { return contains(b, each); });
}

}  // namespace

const char* to_string(NameState state) {
  switch (state) {
    case NameState::resolving: return "resolving";
    case NameState::fresh: return "fresh";
    case NameState::refreshing: return "refreshing";
    case NameState::stale: return "stale";
    case NameState::failed: return "failed";
  }
  return "unknown";
}

WatchedName::WatchedName(std::string host, const NameConfig& config, Time now)
    : host_(std::move(host)), config_(config), earliest_(now + kLookupInterval), due_(now + config.refresh) {}

NameView WatchedName::view() const {
  const std::lock_guard lock(mutex_);
  NameView view{state_, {}, resolved_at_, last_error_ ? last_error_->message : ""};
  if (has_addresses()) view.addresses = addresses_;
  return view;
}

std::vector<IpAddress> WatchedName::next_order(Time now) {
  const std::lock_guard lock(mutex_);
  return has_addresses() ? order(now) : std::vector<IpAddress>();
}

std::vector<IpAddress> WatchedName::order(Time now) {
  std::erase_if(failed_, [&](const Failed& failed) { return failed.at + kFailedIsLast <= now; });
  std::vector<IpAddress> good = rotated(false);
  const std::vector<IpAddress> v6 = rotated(true);
  ++turn_;
  good.insert(good.end(), v6.begin(), v6.end());
  std::vector<IpAddress> ordered = alternate_families(good);
  for (const Failed& failed : failed_) ordered.push_back(failed.address);
  return ordered;
}

// Those of a family that have not failed, the one first whose turn it is.
std::vector<IpAddress> WatchedName::rotated(bool v6) const {
  std::vector<IpAddress> good;
  std::copy_if(addresses_.begin(), addresses_.end(), std::back_inserter(good),
               [&](const IpAddress& address) { return address.v6 == v6 && !is_failed(address); });
  if (!good.empty())
    std::rotate(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(turn_ % good.size()), good.end());
  return good;
}

bool WatchedName::is_failed(const IpAddress& address) const {
  return std::any_of(failed_.begin(), failed_.end(), [&](const Failed& failed) { return failed.address == address; });
}

void WatchedName::judge(const IpAddress& address, AddressVerdict verdict, Time now) {
  bool earlier = false;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(failed_, [&](const Failed& failed) { return failed.address == address; });
    if (verdict == AddressVerdict::reachable) return;
    if (contains(addresses_, address)) failed_.push_back({address, now});
    earlier = verdict == AddressVerdict::unreachable && want_lookup(now);
  }
  if (earlier) wake_();
}

std::unique_ptr<Operation> WatchedName::await_order(Runtime& runtime, ResolveCallback done) {
  auto wait = std::make_unique<Wait>(runtime, std::move(done));
  bool earlier = false;
  {
    const std::lock_guard lock(mutex_);
    if (has_addresses()) {
      wait->slot()->send(order(runtime.now()));
    } else if (state_ == NameState::failed && runtime.now() < earliest_) {
      wait->slot()->send(*last_error_);
    } else {
      std::erase_if(waiting_, [](const auto& slot) { return slot.expired(); });
      waiting_.push_back(wait->slot());
      earlier = want_lookup(runtime.now());
    }
  }
  if (earlier) wake_();
  return wait;
}

bool WatchedName::has(const IpAddress& address) const {
  const std::lock_guard lock(mutex_);
  return contains(addresses_, address);
}

std::optional<Time> WatchedName::next_event_at() const {
  const std::lock_guard lock(mutex_);
  switch (state_) {
    case NameState::resolving: return std::nullopt;
    case NameState::refreshing: return too_old_at();
    case NameState::stale: return std::min(due_, too_old_at());
    case NameState::fresh:
    case NameState::failed: return due_;
  }
  return std::nullopt;
}

bool WatchedName::advance(Time now) {
  const std::lock_guard lock(mutex_);
  if ((state_ == NameState::refreshing || state_ == NameState::stale) && too_old_at() <= now) {
    state_ = state_ == NameState::refreshing ? NameState::resolving : NameState::failed;
  }
  if (in_flight() || now < due_) return false;
  state_ = has_addresses() ? NameState::refreshing : NameState::resolving;
  earliest_ = now + kLookupInterval;
  due_ = now + config_.refresh;
  return true;
}

void WatchedName::looked_up(const Result<std::vector<IpAddress>>& result, Time now) {
  const std::lock_guard lock(mutex_);
  TG_ASSERT(in_flight());
  if (result) {
    state_ = NameState::fresh;
    resolved_at_ = now;
    last_error_.reset();
    take_addresses(*result);
  } else {
    state_ = has_addresses() ? NameState::stale : NameState::failed;
    last_error_ = result.error();
  }
  for (const auto& waiting : std::exchange(waiting_, {})) {
    const auto slot = waiting.lock();
    if (slot) result ? slot->send(order(now)) : slot->send(result.error());
  }
}

// A look-up at the next moment at which one may begin; true: that is earlier than before.
bool WatchedName::want_lookup(Time now) {
  const Time soonest = std::max(now, earliest_);
  if (in_flight() || due_ <= soonest) return false;
  due_ = soonest;
  return true;
}

void WatchedName::take_addresses(const std::vector<IpAddress>& found) {
  if (are_same_set(addresses_, found)) return;
  addresses_ = found;
  std::erase_if(failed_, [this](const Failed& failed) { return !contains(addresses_, failed.address); });
  version_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace tidegate::net
