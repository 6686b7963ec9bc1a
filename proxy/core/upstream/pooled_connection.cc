#include "core/upstream/pooled_connection.h"

#include "core/upstream/pool.h"

namespace tidegate::core {

PooledConnection::PooledConnection(Pool* pool, size_t endpoint, uint64_t addresses_version,
                                   std::unique_ptr<http::ClientConnection> connection)
    : pool_(pool), endpoint_(endpoint), addresses_version_(addresses_version), connection_(std::move(connection)) {
  pool_->upstream_.request_begun(endpoint_);
}

PooledConnection::PooledConnection(PooledConnection&& other) noexcept
    : pool_(other.pool_),
      endpoint_(other.endpoint_),
      addresses_version_(other.addresses_version_),
      connection_(std::move(other.connection_)) {}

PooledConnection& PooledConnection::operator=(PooledConnection&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = other.pool_;
  endpoint_ = other.endpoint_;
  addresses_version_ = other.addresses_version_;
  connection_ = std::move(other.connection_);
  return *this;
}

const config::Endpoint& PooledConnection::endpoint() const { return pool_->upstream_.endpoint(endpoint_); }

void PooledConnection::give_back() {
  if (!connection_) return;
  pool_->upstream_.request_ended(endpoint_);
  pool_->returned(endpoint_, addresses_version_, std::move(connection_));
}

}  // namespace tidegate::core
