// A connection on loan from a pool; destroying it gives it back (reusable) or closes it. The pool outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "config/config.h"
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
  const config::Endpoint& endpoint() const;
  size_t endpoint_index() const { return endpoint_; }
  void give_back();

 private:
  friend class Pool;
  PooledConnection(Pool* pool, size_t endpoint, uint64_t addresses_version,
                   std::unique_ptr<http::ClientConnection> connection);

  Pool* pool_ = nullptr;
  size_t endpoint_ = 0;
  uint64_t addresses_version_ = 0;  // with which its address was one of the endpoint's
  std::unique_ptr<http::ClientConnection> connection_;
};

}  // namespace tidegate::core
