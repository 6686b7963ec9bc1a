// A connection on loan from a pool; destroying it gives it back (reusable) or closes it. The pool outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/upstream/endpoint.h"
#include "http/client/client_connection.h"

namespace tidegate::core {

class Pool;

class PooledConnection {
 public:
  PooledConnection() = default;
  PooledConnection(PooledConnection&& other) noexcept;
  PooledConnection& operator=(PooledConnection&& other) noexcept;
  ~PooledConnection() { give_back(); }

  http::ClientConnection* operator->() const { return connection_.get(); }
  explicit operator bool() const { return connection_ != nullptr; }
  // REQUIRES that there is one.
  const config::Endpoint& endpoint() const { return request_.endpoint().config().endpoint; }
  size_t endpoint_index() const { return request_.index(); }
  void give_back();

 private:
  friend class Pool;
  PooledConnection(Pool* pool, CountedRequest request, uint64_t addresses_version,
                   std::unique_ptr<http::ClientConnection> connection);

  Pool* pool_ = nullptr;
  CountedRequest request_;
  uint64_t addresses_version_ = 0;  // with which its address was one of the endpoint's
  std::unique_ptr<http::ClientConnection> connection_;
};

}  // namespace tidegate::core
