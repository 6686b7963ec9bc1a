#include "core/upstream/pooled_connection.h"

#include "core/upstream/pool.h"

namespace tidegate::core {

PooledConnection::PooledConnection(Pool* pool, CountedRequest request, uint64_t addresses_version,
                                   std::unique_ptr<http::ClientConnection> connection)
    : pool_(pool),
      request_(std::move(request)),
      addresses_version_(addresses_version),
      connection_(std::move(connection)) {}

PooledConnection::PooledConnection(PooledConnection&& other) noexcept
    : pool_(other.pool_),
      request_(std::move(other.request_)),
      addresses_version_(other.addresses_version_),
      connection_(std::move(other.connection_)) {}

PooledConnection& PooledConnection::operator=(PooledConnection&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = other.pool_;
  request_ = std::move(other.request_);
  addresses_version_ = other.addresses_version_;
  connection_ = std::move(other.connection_);
  return *this;
}

void PooledConnection::give_back() {
  if (!connection_) return;
  const size_t endpoint = request_.index();
  request_ = {};
  pool_->returned(endpoint, addresses_version_, std::move(connection_));
}

}  // namespace tidegate::core
