// Takers of pooled connections, for tests of the pool.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <optional>

#include "unit/core/upstream/upstream_fixture.h"

namespace tidegate::core::test {

// One call of acquire and what it came to.
struct Taker final : PoolUser {
  explicit Taker(Pool& pool, Time until = Time::max()) {
    Pool::Acquired acquired = pool.acquire(*this, until);
    CHECK(answers == 0);  // later, never inside the call
    connection = std::move(acquired.connection);
    operation = std::move(acquired.pending);
    CHECK(has() != (operation != nullptr));
  }
  bool has() const { return static_cast<bool>(connection); }

  void on_connecting(size_t) override { connecting = true; }
  void on_connection(Result<PooledConnection> result) override {
    ++answers;
    if (result) {
      connection = std::move(*result);
    } else {
      error = result.error();
    }
  }

  bool connecting = false;
  int answers = 0;
  PooledConnection connection;
  std::optional<Error> error;
  std::unique_ptr<net::Operation> operation;
};

struct Nobody final : http::ClientUser {
  void on_response_head(const http::ResponseHead&) override {}
  void on_response_body(std::string_view) override {}
  void on_response_complete() override {}
  void on_client_failure(http::ClientFailure, http::RequestSeen, std::string_view) override {}
  void on_request_drained() override {}
};

}  // namespace tidegate::core::test
