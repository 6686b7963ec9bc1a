#include "net/uv/port.h"

#include <doctest/doctest.h>

#include "net/uv/uv_runtime.h"

namespace tidegate::net {

TEST_CASE("a port that somebody listens on is not free, however it is shared") {
  UvRuntime runtime(1);
  auto listener = runtime.listen(*SocketAddress::parse("127.0.0.1:0"), [](std::unique_ptr<Stream>) {});
  REQUIRE(listener.ok());
  const SocketAddress address = (*listener)->address();
  const Status taken = check_port_is_free(address);
  REQUIRE(!taken.ok());
  CHECK(taken.error().code == ErrorCode::conflict);
  CHECK(taken.error().message.find(address.to_string()) != std::string::npos);
  listener->reset();
  runtime.run_once();
  CHECK(check_port_is_free(address).ok());
  CHECK(check_port_is_free(*SocketAddress::parse("127.0.0.1:0")).ok());
  CHECK(check_port_is_free(*SocketAddress::parse("192.0.2.1:80")).error().code == ErrorCode::invalid);
}

}  // namespace tidegate::net
