// A graceful end: what was begun is finished, nothing new is begun, and nobody is left without an answer.
#include "loopback/bed.h"

namespace tidegate::loopback {

TEST_CASE("draining finishes what is in flight, with Connection: close, and ends idle connections") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::hold});
  const auto idle = bed.client(get("/nowhere"));
  CHECK(bed.next(*idle).status == 404);
  const auto busy = bed.client(get("/plain"));
  bed.until("it is at the upstream", [&] { return bed.upstream.seen.size() == 1; });

  bool drained = false;
  bed.gateway().set_draining();
  bed.listeners().drain([&] { drained = true; });
  bed.until("the idle connection is ended", [&] { return idle->over(); });
  CHECK(idle->received.empty());
  CHECK_FALSE(drained);
  const auto late = bed.client(get("/plain"));
  bed.until("a new client finds nobody", [&] { return late->over(); });
  CHECK(late->received.empty());

  bed.upstream.release({});
  const Reply reply = bed.next(*busy);
  CHECK(reply.status == 200);
  CHECK(reply.body == "hello");
  CHECK(reply.field("connection") == "close");
  busy->leave();
  bed.until("all is drained", [&] { return drained; });
}

TEST_CASE("a request whose body is still arriving is finished too") {
  Bed bed;
  const auto client = bed.client("POST /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
  bed.until("its head is at the upstream", [&] { return bed.upstream.seen.size() == 1; });
  bool drained = false;
  bed.gateway().set_draining();
  bed.listeners().drain([&] { drained = true; });
  client->send("lf");
  const Reply reply = bed.next(*client);
  CHECK(reply.status == 200);
  CHECK(reply.field("connection") == "close");
  CHECK(bed.upstream.seen[0].body == "half");
  client->leave();
  bed.until("all is drained", [&] { return drained; });
}

TEST_CASE("work that is being parked while draining gets its 202") {
  Bed bed;
  const auto client = bed.client("POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha");
  bed.until("the upstream was tried", [&] {
    return bed.metric("tidegate_upstream_request_duration_seconds_count", {"\"dead\"", "connect_failure"}) == 1;
  });
  bool drained = false;
  bed.gateway().set_draining();
  bed.listeners().drain([&] { drained = true; });
  client->send("lf");
  const Reply reply = bed.next(*client);
  CHECK(reply.status == 202);
  client->leave();
  bed.until("all is drained", [&] { return drained; });
  CHECK(bed.metric("tidegate_queue_depth", {"status=\"queued\""}) == 1);
}

}  // namespace tidegate::loopback
