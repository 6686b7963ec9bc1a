// A name's addresses over time: who looks it up when, and what connections get meanwhile.
#include "net/names/watched_name.h"

#include "net/names/connect_name.h"
#include "net/names/name_watcher.h"
#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

constexpr uint16_t kNamePort = 8080;

struct NamedHost {
  explicit NamedHost(const net::NameConfig& config = {}) : config_(config) {}

  net::SimRuntime& network() { return loop.impl; }
  static std::vector<IpAddress> ips(const std::vector<std::string>& texts) {
    std::vector<IpAddress> found;
    for (const std::string& text : texts) found.push_back(*IpAddress::parse(text));
    return found;
  }
  void found(const std::vector<std::string>& addresses, Duration delay = {}) {
    network().set_name("up.test", {ips(addresses), {}, delay});
  }
  void fails(Duration delay = {}) { network().set_name("up.test", {{}, ErrorCode::unavailable, delay}); }
  void watch() {
    watched = watcher.watch("up.test", config_, [this](const net::WatchedName& name, const Status& result) {
      CHECK(name.host() == "up.test");
      results += result ? "+" : "-";
    });
  }
  std::string state() const { return to_string(watched->view().state); }
  // As the next connection calls them.
  std::string order() {
    std::string text;
    for (const IpAddress& ip : watched->next_order(network().now())) text += (text.empty() ? "" : " ") + ip.to_string();
    return text;
  }
  void pass(Duration time) { network().run_for(time); }

  void listen(const std::string& at) {
    auto made = network().listen({*IpAddress::parse(at), kNamePort},
                                 [this](auto stream) { accepted.push_back(std::move(stream)); });
    REQUIRE(made.ok());
    listeners.push_back(std::move(*made));
  }
  struct Call {
    std::unique_ptr<net::Operation> operation;
    std::optional<Result<std::unique_ptr<net::Stream>>> end;
  };
  std::unique_ptr<Call> call(Duration timeout = 3s) {
    auto made = std::make_unique<Call>();
    made->operation = net::connect_name(network(), *watched, kNamePort, timeout,
                                        [call = made.get()](auto result) { call->end.emplace(std::move(result)); });
    CHECK_FALSE(made->end);
    return made;
  }

  const net::NameConfig config_;
  SimLoop loop;
  net::NameWatcher watcher{loop.impl};
  std::shared_ptr<net::WatchedName> watched;
  std::string results;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::vector<std::unique_ptr<net::Stream>> accepted;
};

}  // namespace

TEST_CASE("A name is looked up at once, and every refresh after that") {
  NamedHost host({30s, 1h});
  host.found({"10.0.0.1"});
  host.watch();
  CHECK(host.state() == "resolving");
  CHECK(host.order().empty());
  host.pass(1s);
  CHECK(host.state() == "fresh");
  CHECK(host.order() == "10.0.0.1");
  CHECK(host.network().lookups() == 1);
  host.found({"10.0.0.2"});
  host.pass(28s);
  CHECK(host.order() == "10.0.0.1");
  host.pass(2s);
  CHECK(host.order() == "10.0.0.2");
  host.pass(5min);
  CHECK(host.network().lookups() == 12);
}

TEST_CASE("While look-ups fail the last addresses serve, for stale, and then none; a look-up that succeeds ends it") {
  NamedHost host({30s, 1h});
  host.found({"10.0.0.1"});
  host.watch();
  host.pass(1s);
  host.fails();
  host.pass(30s);
  CHECK(host.state() == "stale");
  CHECK(host.order() == "10.0.0.1");
  CHECK_FALSE(host.watched->view().last_error.empty());
  host.pass(1h - 2s);
  CHECK(host.state() == "stale");
  host.pass(2s);
  CHECK(host.state() == "failed");
  CHECK(host.order().empty());
  CHECK(host.watched->has(*IpAddress::parse("10.0.0.1")));  // open connections to it are used on
  host.found({"10.0.0.1"});
  host.pass(31s);
  CHECK(host.state() == "fresh");
  CHECK(host.order() == "10.0.0.1");
  CHECK(host.watched->view().last_error.empty());
  CHECK(host.watched->version() == 1);
}

TEST_CASE("While a look-up hangs the last addresses serve, for stale, and its end is waited for after that") {
  NamedHost host({30s, 1min});
  host.found({"10.0.0.1"});
  host.watch();
  host.pass(1s);
  host.found({"10.0.0.2"}, 10min);
  host.pass(30s);
  CHECK(host.state() == "refreshing");
  CHECK(host.order() == "10.0.0.1");
  host.pass(1min);
  CHECK(host.state() == "resolving");
  CHECK(host.order().empty());
  CHECK(host.network().lookups() == 2);
  host.pass(10min);
  CHECK(host.order() == "10.0.0.2");
  CHECK(host.results == "++");
}

TEST_CASE("A failed connect has the name looked up again, at most once a second") {
  NamedHost host;
  host.found({"10.0.0.1"});
  host.watch();
  host.pass(5s);
  host.found({"10.0.0.2"});
  host.listen("10.0.0.2");
  const auto refused = host.call();
  host.pass(10ms);
  REQUIRE(refused->end);
  CHECK_FALSE(refused->end->ok());
  CHECK(host.order() == "10.0.0.2");
  CHECK(host.network().lookups() == 2);
  host.listeners.clear();
  for (int i = 0; i < 100; ++i) {
    const auto again = host.call();
    host.pass(50ms);
    CHECK(again->end);
  }
  CHECK(host.network().lookups() >= 6);  // in five seconds
  CHECK(host.network().lookups() <= 7);
}

TEST_CASE("Connections that wait for the first look-up begin with it, and wait no longer than their time") {
  NamedHost host;
  host.found({"10.0.0.1"}, 5s);
  host.listen("10.0.0.1");
  host.watch();
  const auto patient = host.call(10s), hasty = host.call(3s);
  host.pass(4s);
  REQUIRE(hasty->end);
  CHECK(hasty->end->error().code == ErrorCode::timeout);
  CHECK(hasty->end->error().message == "resolve up.test: no response in time");
  CHECK_FALSE(patient->end);
  host.pass(2s);
  REQUIRE(patient->end);
  CHECK(patient->end->ok());
  CHECK(host.network().lookups() == 1);
}

TEST_CASE("A first look-up that fails fails who waits; for a second further ones fail at once, then one is made") {
  NamedHost host;
  host.fails(100ms);
  host.watch();
  const auto first = host.call();
  host.pass(200ms);
  REQUIRE(first->end);
  CHECK(first->end->error().code == ErrorCode::unavailable);
  CHECK(first->end->error().message.find("resolve up.test") == 0);
  CHECK(host.state() == "failed");
  const auto second = host.call();
  host.pass(1ms);
  CHECK(second->end);
  CHECK(host.network().lookups() == 1);
  host.pass(1s);
  host.found({"10.0.0.1"});
  host.listen("10.0.0.1");
  const auto third = host.call();
  host.pass(10ms);
  REQUIRE(third->end);
  CHECK(third->end->ok());
  CHECK(host.results == "-+");
}

TEST_CASE("Connections use all addresses in turn, IPv4 first, families alternating") {
  NamedHost host;
  host.found({"10.0.0.1", "10.0.0.2", "::1", "::2"});
  host.watch();
  host.pass(1s);
  CHECK(host.order() == "10.0.0.1 ::1 10.0.0.2 ::2");
  CHECK(host.order() == "10.0.0.2 ::2 10.0.0.1 ::1");
  CHECK(host.order() == "10.0.0.1 ::1 10.0.0.2 ::2");
}

TEST_CASE("An address that swallowed a connect comes last for a while, and is then called again") {
  NamedHost host;
  host.found({"10.0.0.1", "10.0.0.2"});
  net::SimLink link;
  link.blackhole = 1;
  host.network().set_link({*IpAddress::parse("10.0.0.1"), kNamePort}, link);
  host.listen("10.0.0.2");
  host.watch();
  host.pass(1s);
  const auto outraced = host.call();
  host.pass(300ms);
  REQUIRE(outraced->end);
  CHECK(outraced->end->ok());
  for (int i = 0; i < 4; ++i) CHECK(host.order() == "10.0.0.2 10.0.0.1");
  const auto quick = host.call();
  host.pass(10ms);
  CHECK(quick->end);
  host.pass(30s);
  CHECK((host.order() == "10.0.0.1 10.0.0.2") != (host.order() == "10.0.0.1 10.0.0.2"));
}

TEST_CASE("An address that was silent comes last and is no reason for a look-up; one that failed is") {
  NamedHost host({1h, 1h});
  host.found({"10.0.0.1", "10.0.0.2"});
  host.watch();
  host.pass(5s);
  host.watched->judge(*IpAddress::parse("10.0.0.1"), net::AddressVerdict::silent, host.network().now());
  host.pass(5s);
  CHECK(host.network().lookups() == 1);
  CHECK(host.order() == "10.0.0.2 10.0.0.1");
  host.watched->judge(*IpAddress::parse("10.0.0.1"), net::AddressVerdict::unreachable, host.network().now());
  host.pass(5s);
  CHECK(host.network().lookups() == 2);
}

TEST_CASE("Of addresses that all have failed the one that failed longest ago is called first") {
  NamedHost host;
  host.found({"10.0.0.1", "10.0.0.2"});
  host.watch();
  host.pass(1s);
  const Time now = host.network().now();
  host.watched->judge(*IpAddress::parse("10.0.0.2"), net::AddressVerdict::unreachable, now);
  host.watched->judge(*IpAddress::parse("10.0.0.1"), net::AddressVerdict::unreachable, now + 1s);
  CHECK(host.order() == "10.0.0.2 10.0.0.1");
  host.watched->judge(*IpAddress::parse("10.0.0.2"), net::AddressVerdict::unreachable, now + 2s);
  CHECK(host.order() == "10.0.0.1 10.0.0.2");
  host.watched->judge(*IpAddress::parse("10.0.0.2"), net::AddressVerdict::reachable, now + 3s);
  CHECK(host.order() == "10.0.0.2 10.0.0.1");
}

TEST_CASE("The version tells whether the set has changed, not its order") {
  NamedHost host({1s, 1h});
  host.found({"10.0.0.1", "10.0.0.2"});
  host.watch();
  host.pass(500ms);
  CHECK(host.watched->version() == 1);
  host.found({"10.0.0.2", "10.0.0.1"});
  host.pass(1s);
  CHECK(host.watched->version() == 1);
  host.found({"10.0.0.2", "10.0.0.3"});
  host.pass(1s);
  CHECK(host.watched->version() == 2);
  CHECK_FALSE(host.watched->has(*IpAddress::parse("10.0.0.1")));
}

TEST_CASE("A slow name delays no other, and one that nobody uses any more is looked up no more") {
  NamedHost host;
  host.found({"10.0.0.1"}, 1h);
  host.watch();
  host.network().add_name("other.test", {*IpAddress::parse("10.0.0.9")});
  auto other = host.watcher.watch("other.test", {}, [](const auto&, const auto&) {});
  host.pass(10ms);
  CHECK(to_string(other->view().state) == std::string("fresh"));
  other.reset();
  host.watched.reset();
  host.pass(10min);
  CHECK(host.network().lookups() == 2);
  CHECK(host.network().open_operations() == 0);
}

TEST_CASE("A watcher that has ended is silent, and names without one stay as they are") {
  SimLoop loop;
  loop.impl.add_name("up.test", {*IpAddress::parse("10.0.0.1")});
  std::shared_ptr<net::WatchedName> name;
  {
    net::NameWatcher watcher(loop.impl);
    name = watcher.watch("up.test", {}, [](const auto&, const auto&) { CHECK(false); });
  }
  name->judge(*IpAddress::parse("10.0.0.1"), net::AddressVerdict::unreachable, loop.impl.now() + 1h);
  loop.impl.run_for(1h);
  CHECK(to_string(name->view().state) == std::string("resolving"));
  CHECK(loop.impl.open_operations() == 0);
}
