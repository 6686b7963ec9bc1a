// The addresses of a host share its time: one that swallows connects costs an attempt delay, not the host.
#include "net/address_race.h"

#include "unit/net/peer.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

constexpr uint16_t kPort = 8080;

IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }

struct Race {
  void listen(const std::string& at) {
    auto listening = loop.impl.listen({ip(at), kPort}, [this](auto stream) { accepted.push_back(std::move(stream)); });
    REQUIRE(listening.ok());
    listeners.push_back(std::move(*listening));
  }
  void swallow(const std::string& at) {
    net::SimLink link;
    link.blackhole = 1;
    loop.impl.set_link({ip(at), kPort}, link);
  }
  void slow(const std::string& at, Duration latency) {
    net::SimLink link;
    link.latency_min = link.latency_max = latency;
    loop.impl.set_link({ip(at), kPort}, link);
  }
  void use_up(const std::string& at, ErrorCode code) {
    net::SimLink link;
    link.used_up = code;
    loop.impl.set_link({ip(at), kPort}, link);
  }
  void start(const std::vector<std::string>& addresses, Duration timeout = 3s) {
    std::vector<IpAddress> ips;
    for (const std::string& address : addresses) ips.push_back(ip(address));
    begun = loop.impl.now();
    operation = net::race_addresses(
        loop.impl, ips, kPort, timeout,
        [this](auto result) {
          took = loop.impl.now() - begun;
          end.emplace(std::move(result));
        },
        [this](const IpAddress& address, net::AddressVerdict verdict) {
          const char* const mark = verdict == net::AddressVerdict::reachable ? " +"
                                   : verdict == net::AddressVerdict::silent  ? " ~"
                                                                             : " -";
          verdicts += mark + address.to_string();
        });
    CHECK_FALSE(end);
  }
  Result<std::unique_ptr<net::Stream>>& run(const std::vector<std::string>& addresses, Duration timeout = 3s) {
    start(addresses, timeout);
    REQUIRE(loop.run_until([&] { return end.has_value(); }));
    CHECK(loop.impl.open_operations() == 0);
    CHECK(loop.impl.active_timers() == 0);
    return *end;
  }

  SimLoop loop;
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::vector<std::unique_ptr<net::Stream>> accepted;
  Time begun{};
  Duration took{};
  std::string verdicts;
  std::optional<Result<std::unique_ptr<net::Stream>>> end;
  std::unique_ptr<net::Operation> operation;
};

}  // namespace

TEST_CASE("A first address that swallows connects costs an attempt delay, and is told of") {
  Race race;
  race.swallow("10.0.0.1");
  race.listen("10.0.0.2");
  const auto& stream = race.run({"10.0.0.1", "10.0.0.2"});
  REQUIRE(stream.ok());
  CHECK((*stream)->peer().ip == ip("10.0.0.2"));
  CHECK(race.took >= 250ms);
  CHECK(race.took < 260ms);
  CHECK(race.verdicts == " ~10.0.0.1 +10.0.0.2");
}

TEST_CASE("Each of many addresses gets its share of the time: the last of ten is reached within one second") {
  Race race;
  std::vector<std::string> addresses;
  for (int i = 1; i <= 9; ++i) addresses.push_back("10.0.0." + std::to_string(i));
  for (const std::string& address : addresses) race.swallow(address);
  addresses.push_back("10.0.0.10");
  race.listen("10.0.0.10");
  REQUIRE(race.run(addresses, 1s).ok());
  CHECK(race.took >= 800ms);
  CHECK(race.took < 850ms);
}

TEST_CASE("An address that refuses is followed by the next at once") {
  Race race;
  race.listen("10.0.0.3");
  REQUIRE(race.run({"10.0.0.1", "10.0.0.2", "10.0.0.3"}).ok());
  CHECK(race.took < 10ms);
  CHECK(race.verdicts == " -10.0.0.1 -10.0.0.2 +10.0.0.3");
}

TEST_CASE("A slow address wins where the next one refuses, and is told of as reachable in the end") {
  Race race;
  race.slow("10.0.0.1", 300ms);
  race.listen("10.0.0.1");
  REQUIRE(race.run({"10.0.0.1", "10.0.0.2"}).ok());
  CHECK(race.took == 600ms);
  CHECK(race.verdicts == " ~10.0.0.1 -10.0.0.2 +10.0.0.1");
}

TEST_CASE("Of two that connect the first wins, and the other is closed") {
  Race race;
  race.slow("10.0.0.1", 200ms);
  race.slow("10.0.0.2", 100ms);
  race.listen("10.0.0.1");
  race.listen("10.0.0.2");
  const auto& stream = race.run({"10.0.0.1", "10.0.0.2"});
  REQUIRE(stream.ok());
  CHECK((*stream)->peer().ip == ip("10.0.0.1"));  // begun 250 ms earlier, and there after 400 ms
  CHECK(race.verdicts == " ~10.0.0.1 +10.0.0.1");
  race.accepted.clear();
  race.end.reset();
  race.loop.impl.run_for(1s);
  CHECK(race.loop.impl.open_streams() == 0);
}

TEST_CASE("A race that is lost names each address and its error") {
  Race race;
  race.swallow("10.0.0.2");
  const auto& lost = race.run({"10.0.0.1", "10.0.0.2"}, 2s);
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().code == ErrorCode::timeout);
  CHECK(lost.error().message ==
        "connect 10.0.0.1:8080: connection refused; connect 10.0.0.2:8080: no response in time");
  CHECK(race.took == 2s);
  CHECK(race.verdicts == " -10.0.0.1 -10.0.0.2");
}

TEST_CASE("The error of many addresses stays short") {
  Race race;
  std::vector<std::string> addresses;
  for (int i = 1; i <= 20; ++i) addresses.push_back("10.0.0." + std::to_string(i));
  const std::string message = race.run(addresses).error().message;
  CHECK(message.find("10.0.0.4:8080") != message.npos);
  CHECK(message.ends_with("; and 16 more addresses"));
}

TEST_CASE("At most three addresses are called at once: the oldest silent one makes room") {
  Race race;
  std::vector<std::string> addresses;
  for (int i = 1; i <= 6; ++i) addresses.push_back("10.0.0." + std::to_string(i));
  for (const std::string& address : addresses) race.swallow(address);
  race.start(addresses);
  size_t most = 0;
  REQUIRE(race.loop.run_until([&] {
    most = std::max<size_t>(most, race.loop.impl.open_operations());
    return race.end.has_value();
  }));
  CHECK(most == 3);
  CHECK(race.took == 3s);
  CHECK(race.end->error().code == ErrorCode::timeout);
  CHECK(race.end->error().message.find("10.0.0.1:8080: no response in time") != std::string::npos);
}

TEST_CASE("Addresses are called 10 ms apart at least, however short the time") {
  Race race;
  for (const char* address : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) race.swallow(address);
  CHECK(race.run({"10.0.0.1", "10.0.0.2", "10.0.0.3"}, 15ms).error().message ==
        "connect 10.0.0.1:8080: no response in time; connect 10.0.0.2:8080: no response in time");
}

TEST_CASE("Descriptors that are used up end the calling of further addresses, and those that were called decide") {
  Race race;
  race.use_up("10.0.0.1", ErrorCode::exhausted);
  race.listen("10.0.0.2");
  const auto& none = race.run({"10.0.0.1", "10.0.0.2"});
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == ErrorCode::exhausted);
  CHECK(race.verdicts.empty());

  Race called;
  called.swallow("10.0.0.1");
  called.use_up("10.0.0.2", ErrorCode::exhausted);
  called.listen("10.0.0.3");
  const auto& silent = called.run({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  REQUIRE_FALSE(silent.ok());
  CHECK(silent.error().code == ErrorCode::timeout);
  CHECK(called.verdicts == " ~10.0.0.1 -10.0.0.1");
}

TEST_CASE("A race that is dropped is silent, whatever it was doing") {
  for (const Duration after : {Duration(0), Duration(100ms), Duration(300ms), Duration(400ms)}) {
    Race race;
    race.swallow("10.0.0.1");
    race.slow("10.0.0.2", 100ms);
    race.listen("10.0.0.2");
    race.start({"10.0.0.1", "10.0.0.2"});
    race.loop.impl.run_for(after);
    race.operation.reset();
    race.loop.impl.run_for(5s);
    CHECK_FALSE(race.end);
    CHECK(race.loop.impl.open_operations() == 0);
    CHECK(race.loop.impl.active_timers() == 0);
  }
}

TEST_CASE("Families alternate, beginning with the first") {
  const auto order = [](const std::vector<std::string>& addresses) {
    std::vector<IpAddress> ips;
    for (const std::string& address : addresses) ips.push_back(ip(address));
    std::string text;
    for (const IpAddress& each : net::alternate_families(ips)) text += each.to_string() + " ";
    return text;
  };
  CHECK(order({"10.0.0.1", "10.0.0.2", "10.0.0.3", "::1", "::2"}) == "10.0.0.1 ::1 10.0.0.2 ::2 10.0.0.3 ");
  CHECK(order({"::1", "::2", "10.0.0.1"}) == "::1 10.0.0.1 ::2 ");
  CHECK(order({"10.0.0.1"}) == "10.0.0.1 ");
  CHECK(order({}).empty());
}
