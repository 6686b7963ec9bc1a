// What keeps a referenced body from being fetched, and whose failure that is.
#include "core/replay/reference_fetch.h"

#include <doctest/doctest.h>

#include <optional>

#include "net/sim/sim_runtime.h"

namespace tidegate::core {

namespace {

using jobs::FetchedBody;

// Fetches from the host "two.test", at whose two addresses nobody listens.
struct Fixture {
  Fixture() {
    runtime.add_name("two.test", {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")});
    enqueue.by_reference = true;
    enqueue.reference_hosts = {"two.test"};
    enqueue.reference_timeout = 5s;
  }
  void set_link(const char* address, const net::SimLink& link) {
    runtime.set_link(*SocketAddress::parse(address), link);
  }
  FetchedBody fetch() {
    std::optional<FetchedBody> end;
    const auto fetching = fetch_reference(runtime, budget, {}, &enqueue, "http://two.test/original",
                                          [&](FetchedBody fetched) { end = std::move(fetched); });
    runtime.run_for(10s);
    REQUIRE(end);
    return *end;
  }

  net::SimRuntime runtime{3};
  BufferBudget budget{1 << 20};
  config::FallbackEnqueue enqueue;
};

}  // namespace

TEST_CASE("a host that refuses has failed; without a descriptor or a local port the failure is our own") {
  Fixture fixture;
  FetchedBody fetched = fixture.fetch();
  CHECK(fetched.result == FetchedBody::Result::failed);
  CHECK(fetched.error == "reference_unreachable");
  net::SimLink no_port, no_descriptor;
  no_port.used_up = ErrorCode::conflict;
  no_descriptor.used_up = ErrorCode::exhausted;
  fixture.set_link("10.0.0.1:80", no_port);
  fetched = fixture.fetch();
  CHECK(fetched.result == FetchedBody::Result::failed);  // its other address refuses
  CHECK(fetched.detail == "two.test: connect 10.0.0.1:80: used up; connect 10.0.0.2:80: connection refused");
  fixture.set_link("10.0.0.2:80", no_port);
  CHECK(fixture.fetch().result == FetchedBody::Result::own_failure);
  fixture.set_link("10.0.0.1:80", no_descriptor);
  fetched = fixture.fetch();
  CHECK(fetched.result == FetchedBody::Result::own_failure);
  CHECK(fetched.detail == "two.test: connect 10.0.0.1:80: used up");  // no other is called: there is no descriptor
}

TEST_CASE("a host that does not accept in time was not connected to, and the log says so") {
  Fixture fixture;
  net::SimLink link;
  link.blackhole = 1;
  fixture.set_link("10.0.0.1:80", link);
  const FetchedBody fetched = fixture.fetch();
  CHECK(fetched.result == FetchedBody::Result::failed);
  CHECK(fetched.detail ==
        "two.test: connect 10.0.0.1:80: no response in time; connect 10.0.0.2:80: connection refused");
}

}  // namespace tidegate::core
