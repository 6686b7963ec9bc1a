// A host is looked up and its addresses are called; the error tells whose failure it is.
#include "net/connect_host.h"

#include "net/connection_refusal.h"
#include "net/pending_reply.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

struct Host {
  static constexpr uint16_t kPort = 8080;

  SocketAddress address(const char* ip) { return {*IpAddress::parse(ip), kPort}; }
  void listen(const char* ip) {
    auto listening = loop.impl.listen(address(ip), [](auto) {});
    REQUIRE(listening.ok());
    listener = std::move(*listening);
  }
  void use_up(const char* ip, ErrorCode code) {
    net::SimLink link;
    link.used_up = code;
    loop.impl.set_link(address(ip), link);
  }
  Result<std::unique_ptr<net::Stream>> connect(const std::string& host, Duration timeout = 3s) {
    std::optional<Result<std::unique_ptr<net::Stream>>> end;
    const auto connecting =
        net::connect_host(loop.impl, host, kPort, timeout, [&](auto result) { end.emplace(std::move(result)); });
    CHECK_FALSE(end);
    REQUIRE(loop.run_until([&] { return end.has_value(); }));
    return std::move(*end);
  }

  SimLoop loop;
  std::unique_ptr<net::Listener> listener;
};

}  // namespace

TEST_CASE("A host is called at its next address where the first one does not accept") {
  Host host;
  host.listen("10.0.0.2");
  host.loop.impl.add_name("two.test", {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")});
  const auto stream = host.connect("two.test");
  REQUIRE(stream.ok());
  CHECK((*stream)->peer().to_string() == "10.0.0.2:8080");
  CHECK(host.connect("10.0.0.2").ok());
  CHECK(host.connect("10.0.0.3").error().code == ErrorCode::refused);
  CHECK(host.connect("nowhere.test").error().code == ErrorCode::not_found);
}

TEST_CASE("What is used up here is the error of a host only where none of its addresses could be called") {
  for (const ErrorCode code : {ErrorCode::conflict, ErrorCode::exhausted}) {
    Host host;
    host.loop.impl.add_name("two.test", {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")});
    host.use_up("10.0.0.2", code);
    CHECK(host.connect("two.test").error().code == ErrorCode::refused);
    host.use_up("10.0.0.1", code);
    CHECK(host.connect("two.test").error().code == code);
  }
}

TEST_CASE("Addresses that are found when the time is over are not called") {
  Host host;
  const auto resolve = [&](net::ResolveCallback done) {
    auto reply = std::make_unique<net::PendingReply<Result<std::vector<IpAddress>>>>(host.loop.impl, std::move(done));
    reply->slot()->send(std::vector<IpAddress>{*IpAddress::parse("10.0.0.1")});
    return reply;
  };
  std::optional<Result<std::unique_ptr<net::Stream>>> end;
  const auto connecting = net::connect_by(host.loop.impl, {"late.test", resolve}, Host::kPort, 0s,
                                          [&](auto result) { end.emplace(std::move(result)); });
  REQUIRE(host.loop.run_until([&] { return end.has_value(); }));
  CHECK(end->error().message == "resolve late.test: no response in time");
}

TEST_CASE("A look-up and the addresses share one time") {
  Host host;
  host.listen("10.0.0.2");
  net::SimLink link;
  link.blackhole = 1;
  host.loop.impl.set_link(host.address("10.0.0.1"), link);
  host.loop.impl.set_name("slow.test", {{*IpAddress::parse("10.0.0.1"), *IpAddress::parse("10.0.0.2")}, {}, 900ms});
  const Time begun = host.loop.impl.now();
  CHECK(host.connect("slow.test", 1s).ok());  // each address has half of what is left
  CHECK(host.loop.impl.now() - begun < 1s);
  const auto late = host.connect("slow.test", 500ms);
  CHECK(late.error().code == ErrorCode::timeout);
  CHECK(late.error().message == "resolve slow.test: no response in time");
}

TEST_CASE("A call to a host that is dropped is silent") {
  Host host;
  host.listen("10.0.0.2");
  host.loop.impl.add_name("one.test", {*IpAddress::parse("10.0.0.2")});
  for (const char* name : {"one.test", "10.0.0.2"}) {
    for (const Duration after : {Duration(0), Duration(60us), Duration(400us)}) {
      int calls = 0;
      auto connecting = net::connect_host(host.loop.impl, name, Host::kPort, 3s, [&](auto) { ++calls; });
      host.loop.impl.run_for(after);
      const int before = calls;
      connecting.reset();
      host.loop.impl.run_for(1s);
      CHECK(calls == before);
    }
  }
  CHECK(host.loop.impl.open_operations() == 0);
}
