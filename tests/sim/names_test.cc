// Upstreams by name: names that are slow, change or fail, and addresses that do not respond.
#include <doctest/doctest.h>

#include "base/log.h"
#include "sim/simulation.h"
#include "support/config_builder.h"

namespace tidegate::sim {

namespace {

const SocketAddress kFirst = *SocketAddress::parse("10.0.0.2:3001");
const SocketAddress kSecond = *SocketAddress::parse("10.0.0.3:3001");
const SocketAddress kDead = *SocketAddress::parse("10.0.0.9:3001");

// The route of each upstream is its name; all but "address" are names that end with ".test".
std::string config_of_names() {
  test::ConfigBuilder config;
  config.admin("address: 127.0.0.1:9901").listener("address: 10.0.0.1:8081").queue("q", R"(url: "sqlite:///sim.db")");
  config.upstream("address", R"(endpoints: ["http://10.0.0.2:3001"])")
      .route("address", "match: {path: /address}, upstream: address");
  for (const std::string name : {"named", "slow1", "slow2", "slow3"}) {
    config
        .upstream(name, "endpoints: [\"http://" + name +
                            ".test:3001\"], connect_timeout: 2s, breaker: {}, "
                            "dns: {refresh: 30s, stale: 10m}")
        .route(name, "match: {path: /" + name + "}, upstream: " + name);
  }
  return config;
}

class NamesRun {
 public:
  NamesRun() : simulation_({.seed = 11}, config_of_names()), second_(simulation_.runtime(), kSecond, 5) {
    log_configure(LogLevel::info, LogFormat::json);
    log_set_sink([this](LogLevel, std::string_view line) { log_ += std::string(line) + "\n"; });
  }
  ~NamesRun() { log_set_sink({}); }

  void name(const std::string& host, const std::vector<SocketAddress>& addresses, Duration delay = {}) {
    net::SimName name;
    name.delay = delay;
    for (const SocketAddress& address : addresses) name.addresses.push_back(address.ip);
    simulation_.runtime().set_name(host, name);
  }
  void fail(const std::string& host) { simulation_.runtime().set_name(host, {{}, ErrorCode::unavailable, {}}); }
  void swallow(const SocketAddress& at) {
    net::SimLink link;
    link.blackhole = 1;
    simulation_.runtime().set_link(at, link);
  }
  const SimClient& get(const std::string& route) {
    return simulation_.client({.id = "c" + std::to_string(next_++), .method = "GET", .target = "/" + route});
  }
  // The status of a request that is sent now, and waited for.
  int status(const std::string& route) {
    const SimClient& client = get(route);
    run_for(3s);
    return client.has_response() ? client.result()->status : 0;
  }
  void run_for(Duration time) { simulation_.run_for(time); }
  // So that the first look-ups find what the names are now.
  void restart() {
    simulation_.kill_tidegate();
    simulation_.start_tidegate();
  }
  int logged(const std::string& text) const {
    int count = 0;
    for (size_t at = log_.find(text); at != log_.npos; at = log_.find(text, at + 1)) ++count;
    return count;
  }
  SimUpstream& first() { return simulation_.upstream(); }
  SimUpstream& second() { return second_; }

 private:
  Simulation simulation_;
  SimUpstream second_;
  std::string log_;
  int next_ = 0;
};

}  // namespace

TEST_CASE("slow names fail the requests to them within connect_timeout, and no others") {
  NamesRun run;
  run.name("named.test", {kFirst});
  for (const std::string slow : {"slow1", "slow2", "slow3"}) run.name(slow + ".test", {kFirst}, 1h);
  run.restart();
  run.run_for(1s);
  std::vector<const SimClient*> to_slow, to_named;
  for (int i = 0; i < 20; ++i) {
    for (const std::string slow : {"slow1", "slow2", "slow3"}) to_slow.push_back(&run.get(slow));
    to_named.push_back(&run.get("named"));
    to_named.push_back(&run.get("address"));
    run.run_for(100ms);
  }
  run.run_for(3s);
  for (const SimClient* client : to_named) {
    REQUIRE(client->has_response());
    CHECK(client->result()->status == 200);
    CHECK(client->took() < 100ms);
  }
  for (const SimClient* client : to_slow) {
    REQUIRE(client->has_response());
    CHECK(client->result()->status >= 502);
    CHECK(client->took() < 2100ms);
  }
  CHECK(run.logged("resolve slow1.test: no response in time") > 0);
}

TEST_CASE("a name that moves is followed, and connections to where it was are not used again") {
  NamesRun run;
  run.name("named.test", {kFirst});
  run.run_for(1s);
  CHECK(run.status("named") == 200);
  run.name("named.test", {kSecond});
  CHECK(run.status("named") == 200);
  CHECK(run.first().seen() == 2);
  run.run_for(30s);
  for (int i = 0; i < 5; ++i) CHECK(run.status("named") == 200);
  CHECK(run.first().seen() == 2);
  CHECK(run.second().seen() == 5);
}

TEST_CASE("a name that moves because its upstream is gone is followed within a second of the first failure") {
  NamesRun run;
  run.name("named.test", {kFirst});
  run.run_for(1s);
  CHECK(run.status("named") == 200);
  run.first().stop();
  run.name("named.test", {kSecond});
  run.run_for(1s);
  CHECK(run.status("named") == 502);
  CHECK(run.status("named") == 200);
}

TEST_CASE("while a name fails its last addresses serve, for stale; it is logged once, and when it is found again") {
  NamesRun run;
  run.name("named.test", {kFirst});
  run.run_for(1s);
  run.fail("named.test");
  for (int i = 0; i < 10; ++i) {
    run.first().stop();  // a new connection each time
    run.first().start();
    CHECK(run.status("named") == 200);
    run.run_for(50s);
  }
  CHECK(run.logged("\"upstream_name_unavailable\",\"upstream\":\"named\"") == 1);
  run.run_for(3min);
  run.first().stop();
  run.first().start();
  for (int i = 0; i < 3; ++i) CHECK(run.status("named") == 502);
  CHECK(run.logged("resolve named.test: the name server has failed") > 1);
  CHECK(run.logged("\"upstream_name_unavailable\",\"upstream\":\"named\"") == 1);
  run.name("named.test", {kFirst});
  CHECK(run.status("named") == 200);
  CHECK(run.logged("\"upstream_name_recovered\",\"upstream\":\"named\"") == 1);
}

TEST_CASE("an address that swallows connects costs one request an attempt delay, and none its success") {
  NamesRun run;
  run.swallow(kDead);
  run.name("named.test", {kDead, kFirst, kSecond});
  run.run_for(1s);
  std::vector<const SimClient*> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(&run.get("named"));
    run.first().stop();
    run.second().stop();
    run.first().start();
    run.second().start();
    run.run_for(500ms);
  }
  int slow = 0;
  for (const SimClient* client : clients) {
    REQUIRE(client->has_response());
    CHECK(client->result()->status == 200);
    slow += client->took() >= 250ms;
  }
  CHECK(slow <= 1);
  CHECK(run.first().seen() > 5);
  CHECK(run.second().seen() > 5);
}

}  // namespace tidegate::sim
