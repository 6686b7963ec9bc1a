#include "core/upstream/pool.h"

#include <algorithm>

#include "base/assert.h"

namespace tidegate::core {

// One call of acquire: waiting for room, then resolving, then connecting.
class Pool::Request : public net::Operation {
 public:
  Request(Pool& pool, Callback done)
      : pool_(pool), done_(std::move(done)), timer_(pool.runtime_, [this] {
          fail(Error{ErrorCode::timeout, "connect"});
        }) {}
  ~Request() override {
    if (waiting_) pool_.waiting_.erase(position_);
    if (has_room_) leave_room();
  }

  void wait() {
    waiting_ = true;
    position_ = pool_.waiting_.insert(pool_.waiting_.end(), this);
  }

  // A connection that came back goes straight to who has waited longest.
  void given(size_t endpoint, std::unique_ptr<http::ClientConnection> connection) {
    pool_.waiting_.erase(position_);
    waiting_ = false;
    complete(PooledConnection(&pool_, endpoint, std::move(connection)));
  }

  // REQUIRES that there is room for one more connection, which this call takes.
  void begin(size_t endpoint_index) {
    if (waiting_) pool_.waiting_.erase(position_);
    waiting_ = false;
    has_room_ = true;
    ++pool_.open_;
    timer_.start_after(pool_.upstream_.config().connect_timeout);
    endpoint_ = endpoint_index;
    const config::Endpoint& endpoint = pool_.upstream_.endpoint(endpoint_);
    if (const auto literal = IpAddress::parse(endpoint.host)) {
      addresses_ = {*literal};
      return connect_next(Error{ErrorCode::refused, "no address"});
    }
    step_ = pool_.runtime_.resolve(endpoint.host, [this](Result<std::vector<IpAddress>> found) {
      if (!found) return fail(found.error());
      addresses_ = std::move(*found);
      connect_next(Error{ErrorCode::not_found, "no address"});
    });
  }

 private:
  void connect_next(const Error& last_error) {
    if (next_address_ == addresses_.size()) return fail(last_error);
    const SocketAddress to{addresses_[next_address_++], pool_.upstream_.endpoint(endpoint_).port};
    step_ = pool_.runtime_.connect(to, [this](Result<std::unique_ptr<net::Stream>> stream) {
      if (!stream) return connect_next(stream.error());
      timer_.stop();
      has_room_ = false;  // the lease has it now
      pool_.upstream_.connected(endpoint_);
      auto connection = std::make_unique<http::ClientConnection>(std::move(*stream), http::HeadLimits{});
      complete(PooledConnection(&pool_, endpoint_, std::move(connection)));
    });
  }

  void fail(Error error) {
    timer_.stop();
    step_.reset();
    pool_.upstream_.connect_failed(endpoint_, pool_.runtime_.now());
    error.message = pool_.upstream_.endpoint(endpoint_).authority + ": " + error.message;
    leave_room();
    complete(std::move(error));
  }

  void leave_room() {
    has_room_ = false;
    --pool_.open_;
    pool_.serve_waiters();
  }

  // The owner may destroy this request inside the callback.
  void complete(Result<PooledConnection> result) {
    const Callback done = std::move(done_);
    done(std::move(result));
  }

  Pool& pool_;
  Callback done_;
  net::Timer timer_;
  std::unique_ptr<net::Operation> step_;
  std::vector<IpAddress> addresses_;
  size_t next_address_ = 0;
  size_t endpoint_ = 0;
  bool waiting_ = false;
  bool has_room_ = false;
  std::list<Request*>::iterator position_;
};

PooledConnection::PooledConnection(Pool* pool, size_t endpoint, std::unique_ptr<http::ClientConnection> connection)
    : pool_(pool), endpoint_(endpoint), connection_(std::move(connection)) {
  pool_->upstream_.request_begun(endpoint_);
}

PooledConnection::PooledConnection(PooledConnection&& other) noexcept
    : pool_(other.pool_), endpoint_(other.endpoint_), connection_(std::move(other.connection_)) {}

PooledConnection& PooledConnection::operator=(PooledConnection&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = other.pool_;
  endpoint_ = other.endpoint_;
  connection_ = std::move(other.connection_);
  return *this;
}

const config::Endpoint& PooledConnection::endpoint() const { return pool_->upstream_.endpoint(endpoint_); }

void PooledConnection::give_back() {
  if (!connection_) return;
  pool_->upstream_.request_ended(endpoint_);
  pool_->returned(endpoint_, std::move(connection_));
}

Pool::Pool(net::Runtime& runtime, Upstream& upstream, int connections_max)
    : runtime_(runtime),
      upstream_(upstream),
      connections_max_(connections_max),
      idle_timer_(runtime, [this] { expire_idle(); }) {}

Pool::~Pool() {
  TG_ASSERT(waiting_.empty());
  upstream_.metrics().connections_changed(-idle_counted_, -busy_counted_);
}

Pool::Acquired Pool::acquire(Callback done) {
  if (!waiting_.empty() || !has_room()) return {{}, acquire_fresh(std::move(done))};
  const size_t endpoint = upstream_.choose(runtime_.now());
  if (PooledConnection idle = take_idle(endpoint)) return {std::move(idle), nullptr};
  auto request = std::make_unique<Request>(*this, std::move(done));
  make_room();
  request->begin(endpoint);
  count();
  return {{}, std::move(request)};
}

std::unique_ptr<net::Operation> Pool::acquire_fresh(Callback done) {
  auto request = std::make_unique<Request>(*this, std::move(done));
  request->wait();
  serve_waiters();
  return request;
}

PooledConnection Pool::take_idle(size_t endpoint) {
  const auto chosen =
      std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.endpoint == endpoint; });
  if (chosen == idle_.end()) return {};
  PooledConnection lease(this, endpoint, std::move(chosen->connection));
  lease.connection_->set_on_spent({});
  idle_.erase(chosen);
  count();
  return lease;
}

void Pool::close_idle() {
  open_ -= idle();
  idle_.clear();
  idle_timer_.stop();
  count();
}

void Pool::returned(size_t endpoint, std::unique_ptr<http::ClientConnection> connection) {
  if (connection->reusable() && !waiting_.empty()) {
    return waiting_.front()->given(endpoint, std::move(connection));
  }
  if (connection->reusable() && idle() < upstream_.config().max_idle_connections) {
    http::ClientConnection* raw = connection.get();
    raw->set_on_spent([this, raw] { drop_idle(raw); });
    idle_.push_front({endpoint, runtime_.now(), std::move(connection)});
    if (!idle_timer_.active()) idle_timer_.start_after(upstream_.config().idle_timeout);
  } else {
    connection.reset();
    --open_;
  }
  count();
  serve_waiters();
}

// At the limit, the connection that has been idle longest makes room. REQUIRES has_room().
void Pool::make_room() {
  if (open_ < connections_max_) return;
  idle_.pop_back();
  --open_;
}

void Pool::serve_waiters() {
  while (!waiting_.empty() && has_room()) {
    make_room();
    waiting_.front()->begin(upstream_.choose(runtime_.now()));
  }
  count();
}

void Pool::drop_idle(http::ClientConnection* connection) {
  const auto found =
      std::find_if(idle_.begin(), idle_.end(), [&](const Idle& idle) { return idle.connection.get() == connection; });
  TG_ASSERT(found != idle_.end());
  idle_.erase(found);
  --open_;
  count();
  serve_waiters();
}

void Pool::expire_idle() {
  const Time now = runtime_.now();
  const Duration timeout = upstream_.config().idle_timeout;
  while (!idle_.empty() && idle_.back().since + timeout <= now) {
    idle_.pop_back();
    --open_;
  }
  count();
  if (!idle_.empty()) idle_timer_.start_at(idle_.back().since + timeout);
}

void Pool::count() {
  if (idle() == idle_counted_ && in_use() == busy_counted_) return;
  upstream_.metrics().connections_changed(idle() - idle_counted_, in_use() - busy_counted_);
  idle_counted_ = idle();
  busy_counted_ = in_use();
}

}  // namespace tidegate::core
