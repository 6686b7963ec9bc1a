// A connection that switches to another protocol: it is its handler's from then on, and still the server's to count.
#include <optional>

#include "unit/http/server/server_fixture.h"

using namespace tidegate;
using namespace tidegate::test;

namespace {

// Switches when it is told to, and then repeats what it reads.
class SwitchingService final : public http::Service {
 public:
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override {
    auto handler = std::make_unique<Echo>(*this, responder);
    echo = handler.get();
    return handler;
  }
  Refusal on_refused(const http::ParseError&, const SocketAddress&) override { return {}; }

  class Echo final : public http::Handler, private net::StreamUser {
   public:
    Echo(SwitchingService& service, http::Responder& responder) : service_(service), responder_(responder) {}
    ~Echo() override { service_.echo = nullptr; }

    void begin() {
      const http::Responder::Switched switched = responder_.switch_protocols();
      stream_ = &switched.stream;
      stream_->set_user(this);
      stream_->write("switched:" + switched.received);
      stream_->start_reading();
    }
    void finish() { responder_.finish(); }
    void abort() { responder_.abort(); }

   private:
    void on_body(std::string_view) override { FAIL("no body"); }
    void on_body_end() override {}
    void on_body_error(const http::ParseError&) override {}
    void on_client_gone() override { service_.gone = true; }
    void on_server_ended() override { service_.cut = true; }
    void on_response_drained() override {}

    void on_read(std::string_view bytes) override { stream_->write(bytes); }
    void on_read_end() override { service_.ended = true; }
    void on_stream_error(const Error&) override {}
    void on_write_drained() override {}

    SwitchingService& service_;
    http::Responder& responder_;
    net::Stream* stream_ = nullptr;
  };

  Echo* echo = nullptr;
  bool gone = false, cut = false, ended = false;
};

template <typename Loop>
struct SwitchFixture {
  explicit SwitchFixture(const std::string& behind = "") {
    http::ServerLimits limits;
    limits.connections = 1;
    if constexpr (std::is_same_v<Loop, SimLoop>) {  // in whose time they run out
      limits.idle_timeout = limits.header_timeout = limits.body_timeout = limits.write_timeout = 20ms;
    }
    server.emplace(loop.runtime(), limits, service);
    REQUIRE(server->listen(any_port()).ok());
    client.emplace(loop.runtime(), server->address(), request("GET /") + behind);
    REQUIRE(until([&] { return service.echo != nullptr; }));
  }
  bool until(const std::function<bool()>& ready) { return loop.run_until(ready); }

  Loop loop;
  SwitchingService service;
  std::optional<http::Server> server;
  std::optional<RawClient> client;
};

}  // namespace

TEST_ON_BOTH_RUNTIMES(
    "what came behind the request is the new protocol's, whatever it looks like; limits hold no more") {
  const std::string behind = request("GET /not/a/request") + "\r\n";
  SwitchFixture<Loop> fixture(behind);
  fixture.service.echo->begin();
  REQUIRE(fixture.until([&] { return fixture.client->has("switched:" + behind); }));
  if constexpr (std::is_same_v<Loop, SimLoop>) fixture.loop.impl.run_for(1s);
  fixture.client->send("GET");
  REQUIRE(fixture.until([&] { return fixture.client->has(behind + "GET"); }));
  fixture.client->end();
  REQUIRE(fixture.until([&] { return fixture.service.ended; }));
  CHECK_FALSE(fixture.service.gone);
  fixture.service.echo->finish();
  CHECK(fixture.until([&] { return fixture.client->ended; }));
  CHECK(fixture.until([&] { return fixture.service.echo == nullptr; }));
  CHECK(fixture.server->connections() == 0);
}

TEST_ON_BOTH_RUNTIMES("a connection that has switched counts as one, and a server that drains waits for it") {
  SwitchFixture<Loop> fixture;
  fixture.service.echo->begin();
  REQUIRE(fixture.until([&] { return fixture.client->has("switched:"); }));
  RawClient second(fixture.loop.runtime(), fixture.server->address(), request("GET /"));
  REQUIRE(fixture.until([&] { return second.over(); }));
  bool drained = false;
  fixture.server->drain([&] { drained = true; }, 1ms);
  fixture.client->send("still here");
  REQUIRE(fixture.until([&] { return fixture.client->has("still here"); }));
  CHECK_FALSE(drained);
  fixture.service.echo->abort();
  REQUIRE(fixture.until([&] { return drained; }));
  CHECK(fixture.until([&] { return fixture.client->broken; }));
}

TEST_ON_BOTH_RUNTIMES("a server that ends resets a connection that has switched, and tells its handler") {
  SwitchFixture<Loop> fixture;
  fixture.service.echo->begin();
  REQUIRE(fixture.until([&] { return fixture.client->has("switched:"); }));
  fixture.server.reset();
  CHECK(fixture.service.cut);
  CHECK(fixture.until([&] { return fixture.client->broken; }));
}
