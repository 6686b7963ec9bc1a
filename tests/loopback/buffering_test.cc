// Slow clients hold nothing of the upstream's: request bodies are awaited before it is called, responses are taken at
// its pace. And what is buffered is bounded, for each client and for all together.
#include "loopback/fixture.h"
#include "loopback/own_responses.h"
#include "loopback/temp_folder.h"

namespace tidegate::loopback {

namespace {

constexpr size_t kMiB = 1 << 20;
constexpr size_t kKernelMax = 16 * kMiB;  // more than the sockets' own buffers take

// Different at every position.
std::string pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
  return bytes;
}

std::string head_of(std::string_view target, size_t length) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

// One slot, for which nobody waits. `route`: its further settings.
std::string one_slot(const std::string& route = "", const std::string& limits = "min_rate: 0B/s",
                     const std::string& process = "") {
  return process + "\n" +
         test::ConfigBuilder()
             .listener("address: 127.0.0.1:0, limits: {body: 64MiB, " + limits + "}")
             .upstream("up", R"(endpoints: ["{UP}"], bulkhead: {max_concurrent: 1, max_waiting: 0},
                       breaker: {consecutive_failures: 1, failure_ratio: 0, open_for: 60s, open_for_max: 60s})")
             .route("only", "match: {path: /only}, upstream: up" + (route.empty() ? "" : ", " + route))
             .yaml();
}

void check_nothing_held(Fixture& fixture) {
  CHECK(fixture.metric("tidegate_bulkhead_in_use", {"up"}) == 0);
  CHECK(fixture.metric("tidegate_upstream_connections", {"up", "busy"}) == 0);
  CHECK(fixture.metric("tidegate_buffered_bytes") == 0);
}

void until_slot_is_free(Fixture& fixture) {
  fixture.until("the slot is free", [&] { return fixture.metric("tidegate_bulkhead_in_use", {"up"}) == 0; });
}

// A client whose request is at the upstream, and who reads nothing.
std::unique_ptr<test::RawClient> slow_reader(Fixture& fixture, const std::string& request = get("/only")) {
  auto client = fixture.client(request);
  client->paused = true;
  fixture.until("the upstream is called", [&] { return fixture.upstream.seen.size() == 1; });
  return client;
}

}  // namespace

TEST_CASE("a client that is slow with its body holds neither slot nor connection") {
  Fixture fixture(one_slot());
  const std::string body = pattern(100'000);
  const auto slow = fixture.client(head_of("/only", body.size()) + body.substr(0, 60'000));
  fixture.until("its body is buffered", [&] { return fixture.metric("tidegate_buffered_bytes") >= 60'000; });
  CHECK(fixture.upstream.seen.empty());
  for (int i = 0; i < 3; ++i) CHECK(fixture.ask(post("/only", "honest")).status == 200);
  slow->send(body.substr(60'000));
  CHECK(fixture.next(*slow).status == 200);
  CHECK(fixture.upstream.seen.back().body == body);
  check_nothing_held(fixture);
}

TEST_CASE("a body that is larger than the buffer begins when that is full, also where nothing keeps it") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Fixture fixture(one_slot("buffering: {request: 300KiB}"));
    const std::string body = pattern(2 * kMiB);
    const std::string whole = chunked ? "200000\r\n" + body + "\r\n0\r\n\r\n" : body;
    const auto client = fixture.client(chunked ? "POST /only HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                               : head_of("/only", body.size()));
    client->send(whole.substr(0, 300'000));
    fixture.until("it is buffered", [&] { return fixture.metric("tidegate_buffered_bytes") >= 290'000; });
    CHECK(fixture.upstream.seen.empty());
    client->send(whole.substr(300'000, 100'000));
    fixture.until("the upstream is called", [&] { return fixture.upstream.seen.size() == 1; });
    client->send(whole.substr(400'000));
    CHECK(fixture.next(*client).status == 200);
    CHECK(fixture.upstream.seen[0].body == body);
    check_nothing_held(fixture);
  }
}

TEST_CASE("a body that has not arrived within timeout.total: 408, and the upstream was not called") {
  Fixture fixture(one_slot("timeout: {total: 100ms}"));
  const auto slow = fixture.client(head_of("/only", 10) + "half");
  const Reply reply = fixture.next(*slow);
  check_own_response(fixture, reply, {408, "client_timeout", "only", "POST", false});
  CHECK(fixture.upstream.seen.empty());
  check_nothing_held(fixture);
}

TEST_CASE("nobody sends a body to a route whose breaker is open") {
  Fixture fixture(one_slot());
  fixture.upstream.behave({Behaviour::Kind::respond, 500});
  CHECK(fixture.ask(post("/only", "x")).status == 500);
  const auto client = fixture.client(head_of("/only", 1'000'000) + "the beginning");
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 503);
  CHECK(reply.json().at("reason") == "breaker_open");
}

TEST_CASE("draining finishes a request whose body is awaited") {
  Fixture fixture(one_slot());
  const auto client = fixture.client(head_of("/only", 4) + "ha");
  fixture.until("it has begun", [&] { return fixture.metric("tidegate_http_requests_in_flight", {"only"}) == 1; });
  bool drained = false;
  fixture.gateway().set_draining();
  fixture.listeners().drain([&] { drained = true; });
  client->send("lf");
  CHECK(fixture.next(*client).status == 200);
  CHECK(fixture.upstream.seen.at(0).body == "half");
  client->leave();
  fixture.until("all is drained", [&] { return drained; });
}

TEST_CASE("a client that vanishes while its body is awaited leaves nothing") {
  Fixture fixture(one_slot());
  const auto client = fixture.client(head_of("/only", 100'000) + pattern(50'000));
  fixture.until("its body is buffered", [&] { return fixture.metric("tidegate_buffered_bytes") > 0; });
  client->leave();
  fixture.until("it is gone", [&] { return fixture.metric("tidegate_buffered_bytes") == 0; });
  CHECK(fixture.upstream.seen.empty());
  check_nothing_held(fixture);
}

TEST_CASE("a client that reads slowly holds neither slot nor connection, and gets every byte") {
  const std::string body = pattern(kKernelMax + 8 * kMiB);
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    Fixture fixture(one_slot("buffering: {response: 256KiB}"));
    fixture.upstream.behave({Behaviour::Kind::respond, 200, "", body, chunked});
    auto slow = slow_reader(fixture);
    until_slot_is_free(fixture);
    CHECK(fixture.metric("tidegate_http_requests_total", {"outcome=\"proxied\""}) == 0);
    CHECK(fixture.metric("tidegate_buffered_bytes") < kMiB);
    fixture.upstream.behave({});
    CHECK(fixture.ask(get("/only")).body == "hello");
    slow->resume();
    CHECK(fixture.next(*slow).body == body);
    CHECK(fixture.metric("tidegate_http_requests_total", {"outcome=\"proxied\""}) == 2);
    check_nothing_held(fixture);
  }
}

TEST_CASE("a client that vanishes while it is delivered to leaves nothing") {
  Fixture fixture(one_slot());
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "", pattern(kKernelMax + 8 * kMiB)});
  auto slow = slow_reader(fixture);
  until_slot_is_free(fixture);
  slow->leave();
  fixture.until("it is gone", [&] { return fixture.logged("client_closed").size() == 1; });
  check_nothing_held(fixture);
}

TEST_CASE("event streams, and routes with buffering off, hold their slot while the client reads") {
  for (const bool events : {false, true}) {
    CAPTURE(events);
    Fixture fixture(one_slot(events ? "" : "buffering: off"));
    const std::string type = events ? "Content-Type: text/event-stream; charset=utf-8\r\n" : "";
    fixture.upstream.behave({Behaviour::Kind::respond, 200, type, pattern(2 * kKernelMax)});
    auto slow = slow_reader(fixture);
    for (int i = 0; i < 50; ++i) fixture.admin("/health");
    CHECK(fixture.ask(get("/only")).json().at("reason") == "bulkhead_full");
    slow->leave();
    until_slot_is_free(fixture);
  }
}

TEST_CASE("with memory and file full, a client slower than min_rate is cut off, and the breaker counts nothing") {
  Fixture fixture(one_slot("buffering: {response: 64KiB, max_temp: 1MiB}", "min_rate: 1KiB/s, min_rate_grace: 50ms"));
  fixture.upstream.behave({Behaviour::Kind::stream, 200, "", "", false, 1ull << 30});
  auto slow = slow_reader(fixture);
  fixture.until("it is cut off", [&] { return fixture.logged("client_timeout").size() == 1; });
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"failure"}) == 0);
  until_slot_is_free(fixture);
  check_nothing_held(fixture);
}

TEST_CASE("a client that reads slowly, but faster than min_rate, is never cut off, however large the buffers are") {
  Fixture fixture(one_slot("buffering: {response: 1MiB, max_temp: 1MiB}", "min_rate: 1KiB/s, min_rate_grace: 100ms"));
  fixture.upstream.behave({Behaviour::Kind::stream, 200, "", "", false, 1ull << 30});
  auto slow = slow_reader(fixture);
  fixture.until("the upstream waits", [&] { return fixture.metric("tidegate_buffered_bytes") >= kMiB; });
  // It reads in steps that are smaller than the kernel's buffers; between them it pauses for less than a grace.
  net::Timer pause(fixture.runtime, [] {});
  for (int i = 0; i < 15; ++i) {
    const size_t before = slow->received_bytes;
    slow->resume();
    fixture.until("it has read a little", [&] { return slow->received_bytes > before; });
    slow->stop();
    pause.start_after(50ms);
    fixture.until("it pauses", [&] { return !pause.active(); });
  }
  CHECK_FALSE(slow->over());
  CHECK(fixture.logged("client_timeout").empty());
}

TEST_CASE("a response that is whole is delivered though the request's body never comes whole") {
  const std::string response = pattern(kKernelMax + 8 * kMiB);
  Fixture fixture(one_slot("buffering: {request: 1KiB}", "min_rate: 0B/s, body_timeout: 1s"));
  fixture.upstream.behave({Behaviour::Kind::respond_early, 413, "", response});
  auto client = slow_reader(fixture, head_of("/only", 200'000) + pattern(100'000));
  until_slot_is_free(fixture);
  net::Timer longer(fixture.runtime, [] {});
  longer.start_after(1500ms);
  fixture.until("body_timeout is over", [&] { return !longer.active(); });
  client->resume();
  const Reply reply = fixture.next(*client);
  CHECK(reply.status == 413);
  CHECK(reply.body == response);
}

TEST_CASE("a body that is stated larger than the queue takes is refused for that, before it is read") {
  for (const char* buffering : {"", ", buffering: off"}) {
    CAPTURE(std::string(buffering));
    Fixture fixture(test::ConfigBuilder()
                        .listener("address: 127.0.0.1:0, limits: {body: 64MiB}")
                        .upstream("dead", R"(endpoints: ["http://127.0.0.1:1"],
                                  breaker: {consecutive_failures: 1, failure_ratio: 0, open_for: 60s, open_for_max: 60s})")
                        .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
                        .route("job", std::string("match: {path: /job}, upstream: dead") + buffering +
                                          ", fallback: {enqueue: {queue: jobs, max_body: 2MiB}}"));
    const std::string head = "POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n";
    const Reply async = fixture.ask(head + "Prefer: respond-async\r\n\r\n");
    CHECK(async.status == 413);
    CHECK(async.json().at("reason") == "body_too_large");
    CHECK(fixture.ask(post("/job", "x")).status == 202);  // opens the breaker
    const Reply open = fixture.ask(head + "\r\n");
    CHECK(open.status == 503);
    CHECK(open.json().at("reason") == "breaker_open");
  }
}

TEST_CASE("a client whose body stops beyond the buffer is refused by min_rate, and the breaker counts nothing") {
  Fixture fixture(one_slot("buffering: {request: 1KiB}", "min_rate: 1KiB/s, min_rate_grace: 50ms"));
  const auto slow = fixture.client(head_of("/only", 100'000) + std::string(2'000, 'x'));
  fixture.until("the upstream is called", [&] { return fixture.upstream.seen.size() == 1; });
  const Reply reply = fixture.next(*slow);
  check_own_response(fixture, reply, {408, "client_timeout", "only", "POST", false});
  CHECK(fixture.metric("tidegate_breaker_calls_total", {"failure"}) == 0);
  check_nothing_held(fixture);
}

TEST_CASE("beyond limits.buffered bodies go to files, and without files they are refused") {
  constexpr size_t kHalf = 700'000;
  Fixture fixture(one_slot("", "min_rate: 0B/s", "limits: {buffered: 1MiB}"));
  const std::string body = pattern(kHalf + 10);
  const auto first = fixture.client(head_of("/only", body.size()) + body.substr(0, kHalf));
  fixture.until("it is in memory", [&] { return fixture.metric("tidegate_buffered_bytes") >= kHalf; });
  const auto second = fixture.client(head_of("/only", body.size()) + body.substr(0, kHalf));
  for (int i = 0; i < 50; ++i) fixture.admin("/health");
  CHECK(fixture.metric("tidegate_buffered_bytes") < kMiB);

  const auto refused = [&] {
    const TempFolder nowhere("/nonexistent");
    return fixture.ask(head_of("/only", body.size()) + body);
  }();
  CHECK(refused.status == 503);
  CHECK(refused.json().at("reason") == "buffer_full");
  CHECK_FALSE(refused.field("retry-after").empty());
  CHECK(fixture.logged("buffer_full").size() == 1);
  CHECK(fixture.metric("tidegate_http_requests_total", {"outcome=\"buffer_full\"", "POST"}) == 1);

  for (test::RawClient* client : {first.get(), second.get()}) {
    client->send(body.substr(kHalf));
    CHECK(fixture.next(*client).status == 200);
    CHECK(fixture.upstream.seen.back().body == body);
  }
  check_nothing_held(fixture);
}

TEST_CASE("without a temporary file the upstream waits for the client, and the response stays whole") {
  const std::string body = pattern(kKernelMax + 8 * kMiB);
  Fixture fixture(one_slot("buffering: {response: 256KiB}"));
  fixture.upstream.behave({Behaviour::Kind::respond, 200, "", body});
  const TempFolder nowhere("/nonexistent");
  auto slow = slow_reader(fixture);
  for (int i = 0; i < 50; ++i) fixture.admin("/health");
  CHECK(fixture.metric("tidegate_bulkhead_in_use", {"up"}) == 1);
  slow->resume();
  CHECK(fixture.next(*slow).body == body);
  check_nothing_held(fixture);
}

}  // namespace tidegate::loopback
