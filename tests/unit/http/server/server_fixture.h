// A server on either runtime, its clients, and requests as bytes.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>

#include "http/server/server.h"
#include "unit/http/raw_client.h"
#include "unit/http/server/test_service.h"
#include "unit/net/both_runtimes.h"

namespace tidegate::test {

template <typename Loop>
struct ServerFixture {
  explicit ServerFixture(const http::ServerLimits& limits = {}) : server(loop.runtime(), limits, service) {
    REQUIRE(server.listen(any_port()).ok());
  }
  RawClient client(std::string bytes = {}) { return {loop.runtime(), server.address(), std::move(bytes)}; }
  bool until(const std::function<bool()>& ready) { return loop.run_until(ready); }

  Loop loop;
  TestService service;
  http::Server server;
};

inline std::string request(const std::string& line, const std::string& fields = {}, const std::string& body = {}) {
  return line + " HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n" + body;
}

inline std::string post(const std::string& path, const std::string& body) {
  return request("POST " + path, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

}  // namespace tidegate::test
