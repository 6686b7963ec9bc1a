#include "core/upstream/pool.h"

#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "core/upstream/pool_request.h"

namespace tidegate::core {

using net::ConnectionRefusal;

Pool::Pool(net::Runtime& runtime, Upstream& upstream)
    : runtime_(runtime),
      upstream_(upstream),
      limit_(upstream.connections()),
      idle_timer_(runtime, [this] { expire_idle(); }),
      link_(std::make_shared<Pool*>(this)) {
  limit_.join(*this);
}

Pool::~Pool() {
  TG_ASSERT(waiting_.empty());
  *link_ = nullptr;
  limit_.leave(*this);
  upstream_.metrics().connections_changed(-idle_counted_, -busy_counted_);
}

Pool::Acquired Pool::acquire(PoolUser& user, Time until, const ChoiceFor& request) {
  if (idle_.empty()) return {{}, acquire_fresh(user, until, request)};
  CountedRequest chosen = choose(request);
  if (PooledConnection idle = take_idle(chosen)) return {std::move(idle), nullptr};
  if (take_room()) return {{}, connect(user, std::move(chosen))};
  chosen = {};
  return {{}, acquire_fresh(user, until, request)};  // all idle connections led to addresses of before
}

// REQUIRES that room has been taken.
std::unique_ptr<net::Operation> Pool::connect(PoolUser& user, CountedRequest to) {
  auto request = std::make_unique<Request>(*this, user, ChoiceFor());
  request->begin(std::move(to));
  count();
  return request;
}

std::unique_ptr<net::Operation> Pool::acquire_fresh(PoolUser& user, Time until, const ChoiceFor& request) {
  if (take_room()) return connect(user, choose(request));
  auto waiting = std::make_unique<Request>(*this, user, request);
  if (limit_.wait(*this)) {
    waiting->wait(until);
  } else {
    waiting->refuse();
  }
  return waiting;
}

// Empty: there is none to that endpoint, and the request stays as it is.
PooledConnection Pool::take_idle(CountedRequest& for_request) {
  const size_t endpoint = for_request.index();
  PooledConnection lease;
  for (auto idle = idle_.begin(); idle != idle_.end() && !lease;) {
    const auto looked_at = idle++;
    if (looked_at->endpoint != endpoint) continue;
    if (leads_to_endpoint(endpoint, looked_at->addresses_version, *looked_at->connection)) {
      lease = PooledConnection(this, std::move(for_request), looked_at->addresses_version,
                               std::move(looked_at->connection));
      lease.connection_->set_on_spent({});
    }
    idle_.erase(looked_at);
    if (!lease) leave_room();
  }
  count();
  return lease;
}

// The name is asked only where its addresses have changed since they were last compared.
bool Pool::leads_to_endpoint(size_t endpoint, uint64_t& addresses_version,
                             const http::ClientConnection& connection) const {
  const uint64_t version = upstream_.endpoint(endpoint).addresses_version();
  if (version == addresses_version) return true;
  addresses_version = version;
  return upstream_.endpoint(endpoint).name()->has(connection.peer().ip);
}

// At the limit, the connection that has been idle longest makes room.
bool Pool::take_room() {
  if (limit_.try_open(*this)) {
    ++open_;
    return true;
  }
  if (idle_.empty()) return false;
  idle_.pop_back();  // its room is taken over
  return true;
}

void Pool::on_room_granted() {
  runtime_.post([link = link_] {
    if (*link) (*link)->take_granted_room();
  });
}

// The call that it was granted for may have given up meanwhile. Then the first call that waits gets it, and waits for
// no other room.
void Pool::take_granted_room() {
  ++open_;
  const bool unclaimed = unclaimed_ > 0;
  if (unclaimed) --unclaimed_;
  if (waiting_.empty()) {
    leave_room();
  } else {
    if (unclaimed) one_waits_less();
    waiting_.front()->begin(choose(waiting_.front()->choice()));
  }
  count();
}

void Pool::one_waits_less() {
  if (!limit_.stop_waiting(*this)) ++unclaimed_;
}

void Pool::on_recheck_idle() {
  runtime_.post([link = link_] {
    if (*link) (*link)->recheck_idle();
  });
}

void Pool::recheck_idle() {
  drop_passed_over();
  close_wanted();
}

void Pool::drop_passed_over() {
  for (auto idle = idle_.begin(); idle != idle_.end();) {
    const auto looked_at = idle++;
    if (!upstream_.is_passed_over(looked_at->endpoint)) continue;
    idle_.erase(looked_at);
    leave_room();
  }
}

void Pool::close_wanted() {
  while (!idle_.empty() && limit_.wants_idle()) drop_oldest_idle();
  count();
}

void Pool::close_idle() {
  while (!idle_.empty()) drop_oldest_idle();
  idle_timer_.stop();
  count();
}

void Pool::retire() {
  retired_ = true;
  close_idle();
}

void Pool::returned(size_t endpoint, uint64_t addresses_version, std::unique_ptr<http::ClientConnection> connection) {
  const bool usable = connection->reusable() && leads_to_endpoint(endpoint, addresses_version, *connection) &&
                      !upstream_.is_passed_over(endpoint);
  const auto next = usable ? limit_.returned(*this) : ConnectionLimit::Returned::close;
  if (next == ConnectionLimit::Returned::serve_next) {
    TG_ASSERT(!waiting_.empty());
    return waiting_.front()->given(endpoint, addresses_version, std::move(connection));
  }
  const int kept_max = retired_ ? 0 : upstream_.config().max_idle_connections;
  if (next == ConnectionLimit::Returned::idle && idle() < kept_max) {
    return keep(endpoint, addresses_version, std::move(connection));
  }
  connection.reset();
  leave_room();
  count();
}

void Pool::keep(size_t endpoint, uint64_t addresses_version, std::unique_ptr<http::ClientConnection> connection) {
  http::ClientConnection* raw = connection.get();
  raw->set_on_spent([this, raw] { drop_idle(raw); });
  idle_.emplace_front(upstream_, endpoint, addresses_version, runtime_.now(), std::move(connection));
  if (!idle_timer_.active()) idle_timer_.start_after(upstream_.config().idle_timeout);
  count();
  close_wanted();
}

void Pool::drop_idle(http::ClientConnection* connection) {
  const auto found =
      std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.connection.get() == connection; });
  TG_ASSERT(found != idle_.end());
  idle_.erase(found);
  leave_room();
  count();
}

void Pool::drop_oldest_idle() {
  idle_.pop_back();
  leave_room();
}

void Pool::expire_idle() {
  const Time now = runtime_.now();
  const Duration timeout = upstream_.config().idle_timeout;
  while (!idle_.empty() && idle_.back().since + timeout <= now) drop_oldest_idle();
  count();
  if (!idle_.empty()) idle_timer_.start_at(idle_.back().since + timeout);
}

void Pool::leave_room() {
  --open_;
  limit_.closed(*this);
}

void Pool::refused(ConnectionRefusal why) {
  upstream_.metrics().connection_refused(why);
  if (const auto count = refusals_.add(why, runtime_.now())) {
    log_warn("upstream_connections_refused",
             {{"upstream", upstream_.config().name}, {"reason", net::to_string(why)}, {"count", *count}});
  }
}

void Pool::count() {
  if (idle() == idle_counted_ && in_use() == busy_counted_) return;
  limit_.set_idle(*this, idle());
  upstream_.metrics().connections_changed(idle() - idle_counted_, in_use() - busy_counted_);
  idle_counted_ = idle();
  busy_counted_ = in_use();
}

}  // namespace tidegate::core
