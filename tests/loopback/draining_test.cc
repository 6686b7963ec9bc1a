// Graceful shutdown: requests in flight are finished, nothing new starts, and every client gets a response.
#include "loopback/fixture.h"

namespace tidegate::loopback {

TEST_CASE("draining finishes requests in flight, with Connection: close, and closes connections that stay idle") {
  Fixture fixture("shutdown_grace: 40ms\n" + usual_config().yaml());  // idle: a quarter of it
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto idle = fixture.client(get("/nowhere"));
  CHECK(fixture.next(*idle).status == 404);
  const auto busy = fixture.client(get("/plain"));
  fixture.until("it is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });

  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  fixture.until("the idle connection is ended", [&] { return idle->over(); });
  CHECK(idle->received.empty());
  CHECK_FALSE(drained);
  const auto late = fixture.client(get("/plain"));
  fixture.until("a new client finds nobody", [&] { return late->over(); });
  CHECK(late->received.empty());

  fixture.upstream.release({});
  const Reply reply = fixture.next(*busy);
  CHECK(reply.status == 200);
  CHECK(reply.body == "hello");
  CHECK(reply.field("connection") == "close");
  busy->leave();
  fixture.until("all is drained", [&] { return drained; });
}

TEST_CASE("a request that arrives on a kept connection while draining is served, with Connection: close") {
  Fixture fixture;
  const auto client = fixture.client(get("/plain"));
  CHECK(fixture.next(*client).field("connection").empty());
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  client->send(get("/plain"));
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 200);
  CHECK(reply.field("connection") == "close");
  client->leave();
  fixture.until("all is drained", [&] { return drained; });
}

TEST_CASE("draining finishes a request whose body is still arriving") {
  Fixture fixture;
  const auto client = fixture.client("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
  fixture.until("its head is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  client->send("lf");
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 200);
  CHECK(reply.field("connection") == "close");
  CHECK(fixture.upstream.seen[0].body == "half");
  client->leave();
  fixture.until("all is drained", [&] { return drained; });
}

TEST_CASE("a request that is being parked while draining gets its 202") {
  Fixture fixture;
  const auto client = fixture.client("POST /streamed-job HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
  fixture.until("the upstream was tried", [&] {
    return fixture.metric("tidegate_upstream_request_duration_seconds_count", {"\"dead\"", "connect_failure"}) == 1;
  });
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  client->send("lf");
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 202);
  client->leave();
  fixture.until("all is drained", [&] { return drained; });
  CHECK(fixture.metric("tidegate_queue_depth", {"status=\"queued\""}) == 1);
}

TEST_CASE("requests pipelined behind one in progress are served while draining") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::hold});
  const auto client = fixture.client(get("/plain/1") + get("/plain/2") + get("/plain/3"));
  fixture.until("the first is at the upstream", [&] { return fixture.upstream.seen.size() == 1; });
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  fixture.upstream.release({});
  fixture.upstream.behave({});
  std::string closes;
  for (int i = 0; i < 3; ++i) {
    const Reply reply = fixture.next(*client);
    CHECK(reply.status == 200);
    closes += reply.field("connection") + ",";
  }
  CHECK(closes == ",,close,");
  client->leave();
  fixture.until("all is drained", [&] { return drained; });
  CHECK(fixture.upstream.seen.back().target == "/plain/3");
}

TEST_CASE("a lame duck is not ready, serves with Connection: close, and ends when the process drains") {
  Fixture fixture(usual_config().listener("address: 127.0.0.1:0, lame_duck: 1h").yaml());
  fixture.gateway().set_lame_duck();
  fixture.listeners().begin_lame_duck();
  CHECK(fixture.admin("/ready").json().at("failed").contains("draining"));
  const Reply reply = fixture.ask(get("/plain"));
  CHECK(reply.status == 200);
  CHECK(reply.field("connection") == "close");

  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  fixture.until("all is drained", [&] { return drained; });
  const auto late = fixture.client(get("/plain"));
  fixture.until("a new client finds nobody", [&] { return late->over(); });
}

TEST_CASE("a listener drains at the end of its lame duck, whatever the others do") {
  Fixture fixture(usual_config().listener("address: 127.0.0.1:0, lame_duck: 1ms").yaml());
  fixture.gateway().set_lame_duck();
  fixture.listeners().begin_lame_duck();
  for (bool refused = false; !refused;) {
    const auto client = fixture.client(get("/nowhere"));
    fixture.until("a response, or nobody", [&] { return client->over(); });
    refused = client->broken;
  }
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  CHECK_FALSE(drained);
  fixture.until("all is drained", [&] { return drained; });
}

}  // namespace tidegate::loopback
