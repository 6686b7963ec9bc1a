// A second try, and the body that it sends again: from memory, from the file, or still arriving.
#include "loopback/bed.h"

namespace tidegate::loopback {

namespace {

std::string retrying_config() {
  return R"(
log: {access: all}
admin: {address: 127.0.0.1:0}
upstreams:
  up: {endpoints: ["{UP}"], retry_budget: {ratio: 1, min_per_second: 100}}
  stingy: {endpoints: ["{UP}"], retry_budget: {ratio: 0, min_per_second: 0}}
queues:
  jobs: {url: "sqlite://{DIR}/jobs.db"}
listeners:
  - name: in
    address: 127.0.0.1:0
    routes:
      - name: again
        match: {path: /again}
        upstream: up
        retry: {max_attempts: 3, on: [reset, 503], backoff: {base: 50ms, max: 50ms, jitter: none}}
      - name: stingy
        match: {path: /stingy}
        upstream: stingy
        retry: {max_attempts: 3, on: [503]}
      - name: park
        match: {path: /park}
        upstream: up
        retry: {max_attempts: 2, on: [503], backoff: {base: 1ms, max: 1ms, jitter: none}}
        fallback: {on: [503], enqueue: {queue: jobs, max_body: 8MiB}}
)";
}

std::string bytes(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 2654435761u >> 11);
  return text;
}

// Sends the request; the first try fails as `first` says, the ones after it are answered.
Reply fail_once(Bed& bed, const Behaviour& first, const std::string& request) {
  bed.upstream.behave(first);
  const auto client = bed.client(request);
  bed.until("the first try", [&] { return bed.upstream.seen.size() == 1 && bed.upstream.seen[0].whole; });
  bed.upstream.behave({});
  return bed.next(*client);
}

}  // namespace

TEST_CASE("what may be done again is done again, and the client sees one answer") {
  for (const Behaviour& first : {Behaviour{Behaviour::Kind::hang_up}, Behaviour{Behaviour::Kind::answer, 503}}) {
    Bed bed(retrying_config());
    const Reply reply = fail_once(bed, first, get("/again"));
    CHECK(reply.status == 200);
    CHECK(bed.upstream.seen.size() == 2);
    CHECK(bed.upstream.seen[0].field("x-request-id") == bed.upstream.seen[1].field("x-request-id"));
    CHECK(std::stoi(bed.upstream.seen[1].field("x-request-timeout-ms")) <
          std::stoi(bed.upstream.seen[0].field("x-request-timeout-ms")));
    REQUIRE(bed.logged("proxied").size() == 1);
    CHECK(bed.logged("proxied")[0].at("attempts") == 2);
    CHECK(bed.metric("tidegate_retries_total", {"\"up\"", "done"}) == 1);
  }
}

TEST_CASE("a body is sent again whole, from memory or from its file, counted or in chunks") {
  for (const size_t size : {size_t{10}, size_t{200'000}, size_t{5'000'000}}) {
    for (const bool chunked : {false, true}) {
      CAPTURE(size);
      CAPTURE(chunked);
      Bed bed(retrying_config());
      const std::string body = bytes(size);
      std::string request = post("/again", body, "Idempotency-Key: k\r\n");
      if (chunked) {
        char length[24];
        request = "PUT /again HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                  std::string(length, static_cast<size_t>(std::snprintf(length, sizeof length, "%zx", size))) + "\r\n" +
                  body + "\r\n0\r\n\r\n";
      }
      CHECK(fail_once(bed, {Behaviour::Kind::hang_up}, request).status == 200);
      REQUIRE(bed.upstream.seen.size() == 2);
      CHECK((bed.upstream.seen[0].body == body));
      CHECK((bed.upstream.seen[1].body == body));
    }
  }
}

TEST_CASE("a try that fails while the body still comes is followed by one with all of it") {
  Bed bed(retrying_config());
  bed.upstream.behave({Behaviour::Kind::answer_early, 503, "", "no"});
  const std::string body = bytes(600'000);
  const std::string request = post("/again", body, "Idempotency-Key: k\r\n");
  const auto client = bed.client(request.substr(0, 300'000));
  bed.until("the first try", [&] { return bed.upstream.seen.size() == 1; });
  bed.upstream.behave({});
  bed.until("the second try", [&] { return bed.upstream.seen.size() == 2; });
  client->send(request.substr(300'000));
  CHECK(bed.next(*client).status == 200);
  CHECK((bed.upstream.seen[1].body == body));
}

TEST_CASE("a POST without Idempotency-Key is tried once") {
  Bed bed(retrying_config());
  bed.upstream.behave({Behaviour::Kind::hang_up});
  CHECK(bed.ask(post("/again", "x")).status == 502);
  CHECK(bed.upstream.seen.size() == 1);
}

TEST_CASE("the last try's answer is passed on as it is") {
  Bed bed(retrying_config());
  bed.upstream.behave({Behaviour::Kind::answer, 503, "X-Why: full\r\n", "busy"});
  const Reply reply = bed.ask(get("/again"));
  CHECK(reply.status == 503);
  CHECK(reply.body == "busy");
  CHECK(reply.field("x-why") == "full");
  CHECK(reply.count("proxy-status") == 0);
  CHECK(bed.upstream.seen.size() == 3);
}

TEST_CASE("without budget there is no second try") {
  Bed bed(retrying_config());
  bed.upstream.behave({Behaviour::Kind::answer, 503});
  CHECK(bed.ask(get("/stingy")).status == 503);
  CHECK(bed.upstream.seen.size() == 1);
  CHECK(bed.metric("tidegate_retries_total", {"stingy", "budget_exhausted"}) == 1);
}

TEST_CASE("a large body that was tried twice is kept whole with its job") {
  Bed bed(retrying_config());
  bed.upstream.behave({Behaviour::Kind::answer, 503});
  const std::string body = bytes(3'000'000);
  const Reply reply = bed.ask(post("/park", body, "Idempotency-Key: k\r\n"));
  REQUIRE(reply.status == 202);
  CHECK(bed.upstream.seen.size() == 2);
  bed.upstream.behave({});
  bed.start_replaying();
  bed.until("it is replayed", [&] { return bed.upstream.seen.size() == 3 && bed.upstream.seen[2].whole; });
  CHECK((bed.upstream.seen[2].body == body));
}

}  // namespace tidegate::loopback
