// Bodies by reference, on real sockets: the job stores a URL, replay fetches the body, and a failed fetch fails the
// attempt without counting against the upstream.
#include "core/replay/reference_fetch.h"
#include "loopback/reference_fixture.h"

namespace tidegate::loopback {

TEST_CASE("a job by reference stores no body, and is replayed with the referenced body byte for byte") {
  for (const size_t size : {0, 5, 60 * 1024, 256 * 1024, 700'001, 1 << 20}) {
    for (const bool chunked : {false, true}) {
      CAPTURE(size);
      CAPTURE(chunked);
      ReferenceFixture fixture;
      const std::string original = bytes(size);
      fixture.store.behave({.fields = "Content-Type: text/wrong\r\n", .body = original, .chunked = chunked});
      const uint64_t before = fixture.queue().view().bytes;
      const std::string id =
          fixture.park(fixture.url(fixture.store.port()), std::string(100'000, 'l'), "Content-Type: image/png\r\n");
      CHECK(fixture.queue().view().bytes - before < 10'000);
      CHECK(fixture.store.seen.empty());
      fixture.start_replaying();
      fixture.until_status(id, "succeeded");
      REQUIRE(fixture.upstream.seen.size() == 1);
      const Seen& seen = fixture.upstream.seen[0];
      CHECK(seen.body == original);
      CHECK(seen.field("content-length") == std::to_string(size));
      CHECK(seen.field("content-type") == "image/png");
      CHECK(seen.count("tidegate-body-ref") == 0);
      REQUIRE(fixture.store.seen.size() == 1);
      CHECK(fixture.store.seen[0].method == "GET");
      CHECK(fixture.store.seen[0].target == "/original?X-Amz-Signature=secret");
      CHECK(fixture.store.seen[0].field("host") == "127.0.0.1:" + std::to_string(fixture.store.port()));
      CHECK(fixture.store.seen[0].body_bytes == 0);
    }
  }
}

TEST_CASE("the live attempt sends its own body without the reference; the replay sends the referenced body") {
  ReferenceFixture fixture;
  fixture.upstream.behave({.status = 503});
  fixture.store.behave({.body = "the original"});
  const Reply reply =
      fixture.ask(post("/job", "the live body", ReferenceFixture::field(fixture.url(fixture.store.port()))));
  REQUIRE(reply.status == 202);
  fixture.upstream.behave({.status = 200});
  fixture.start_replaying();
  fixture.until_status(reply.json().at("job_id"), "succeeded");
  REQUIRE(fixture.upstream.seen.size() == 2);
  CHECK(fixture.upstream.seen[0].body == "the live body");
  CHECK(fixture.upstream.seen[1].body == "the original");
  for (const Seen& seen : fixture.upstream.seen) CHECK(seen.count("tidegate-body-ref") == 0);
}

TEST_CASE("on a route with body: reference, a request without a reference is queued with its own body") {
  ReferenceFixture fixture;
  const Reply reply = fixture.ask(post("/job", "mine", kAsync));
  REQUIRE(reply.status == 202);
  fixture.start_replaying();
  fixture.until_status(reply.json().at("job_id"), "succeeded");
  CHECK(fixture.upstream.seen.at(0).body == "mine");
}

TEST_CASE("a job by reference gets its 202 although its body is incomplete or invalid") {
  ReferenceFixture fixture;
  fixture.store.behave({.body = "the original"});
  const auto client =
      fixture.client("POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n" +
                     ReferenceFixture::field(fixture.url(fixture.store.port())) + kAsync + "\r\nthe beginning");
  const Reply reply = fixture.next(*client);
  REQUIRE(reply.status == 202);
  fixture.start_replaying();
  fixture.until_status(reply.json().at("job_id"), "succeeded");
  CHECK(fixture.upstream.seen.at(0).body == "the original");

  // An invalid body while the client waits: the response is that of the job.
  const auto broken = fixture.client("POST /job HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" +
                                     ReferenceFixture::field(fixture.url(fixture.store.port())) +
                                     "Prefer: respond-async, wait=20\r\n\r\nthis is no chunk");
  const Reply result = fixture.next(*broken);
  CHECK((result.status == 200 || result.status == 202));
  CHECK(result.field("location").starts_with("/_jobs/"));
}

TEST_CASE("a reference that is 404, 403 or 410 ends its job at once with reference_gone") {
  for (const uint16_t status : {404, 403, 410}) {
    CAPTURE(status);
    ReferenceFixture fixture;
    fixture.store.behave({.status = status});
    const std::string id = fixture.park();
    fixture.check_dead_at_once(id, "reference_gone");
    CHECK(fixture.store.seen.size() == 1);
    for (const std::string& line : fixture.log) CHECK(line.find("secret") == std::string::npos);
  }
}

TEST_CASE("a fetch that fails, breaks off or is partial is retried") {
  const Behaviour behaviours[] = {{.status = 500},
                                  {.status = 503, .fields = "Retry-After: 3600\r\n"},
                                  {.status = 206},
                                  {.kind = Behaviour::Kind::hang_up},
                                  {.kind = Behaviour::Kind::break_off, .body = bytes(400'000)},
                                  {.kind = Behaviour::Kind::break_off, .body = bytes(400'000), .chunked = true}};
  for (const Behaviour& behaviour : behaviours) {
    CAPTURE(behaviour.status);
    ReferenceFixture fixture;
    fixture.store.behave(behaviour);
    fixture.check_deferred(fixture.park(), "reference_unreachable");
    CHECK(fixture.store.seen.size() > 3);
  }
}

TEST_CASE("a redirect is not followed") {
  ReferenceFixture fixture;
  Upstream elsewhere{fixture.runtime};
  fixture.store.behave({.status = 302, .fields = "Location: " + fixture.url(elsewhere.port()) + "\r\n"});
  fixture.check_deferred(fixture.park(), "reference_unreachable");
  CHECK(elsewhere.seen.empty());
}

TEST_CASE("a response to a fetch that is not HTTP, or has no length, is not accepted as the body") {
  for (const std::string script : {"not http at all\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhalf of it, perhaps"}) {
    CAPTURE(script);
    ReferenceFixture fixture;
    fixture.raw.script = script;
    fixture.raw.hangs_up = true;
    fixture.check_deferred(fixture.park(fixture.url(fixture.raw.port())), "reference_unreachable");
  }
}

TEST_CASE("a fetch from a host where nobody listens is retried") {
  ReferenceFixture fixture;
  fixture.check_deferred(fixture.park(fixture.url(1)), "reference_unreachable");
}

TEST_CASE("a fetch that failed once can succeed later") {
  ReferenceFixture fixture;
  fixture.store.behave({.kind = Behaviour::Kind::break_off, .body = bytes(400'000)});
  const std::string id = fixture.park();
  fixture.start_replaying();
  fixture.until("it was asked", [&] { return !fixture.store.seen.empty(); });
  fixture.store.behave({.body = bytes(400'000)});
  fixture.until_status(id, "succeeded");
  CHECK(fixture.upstream.seen.size() == 1);
  CHECK(fixture.upstream.seen[0].body == bytes(400'000));
}

TEST_CASE("a hanging fetch fails after reference_timeout, holds no slot and no permit, and is retried") {
  for (const auto kind : {Behaviour::Kind::hold, Behaviour::Kind::stop}) {
    ReferenceFixture fixture("max_body: 1MiB, reference_timeout: 150ms");
    fixture.store.behave({.kind = kind, .body = bytes(1000)});
    const std::string id = fixture.park();
    fixture.start_replaying();
    fixture.until("it is being fetched", [&] { return !fixture.store.seen.empty(); });
    fixture.check_upstream_untouched();
    fixture.until_failed_once(id);
    CHECK(fixture.job(id).at("last_error") == "reference_unreachable");
    fixture.store.behave({.body = "at last"});
    fixture.until_status(id, "succeeded");
    CHECK(fixture.upstream.seen.at(0).body == "at last");
  }
}

TEST_CASE("a referenced body larger than max_body ends its job at once, with or without Content-Length") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    ReferenceFixture fixture("max_body: 300KiB");
    fixture.store.behave({.body = bytes(300 * 1024 + 1), .chunked = chunked});
    fixture.check_dead_at_once(fixture.park(), "reference_too_large");
  }
  ReferenceFixture fixture("max_body: 300KiB");
  fixture.store.behave({.body = bytes(300 * 1024), .chunked = true});
  const std::string id = fixture.park();
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
}

TEST_CASE("a reference to a host that is not listed is 400, and nothing is fetched") {
  ReferenceFixture fixture;
  const Reply reply = fixture.ask(post("/job", "x", ReferenceFixture::field("http://169.254.169.254/latest")));
  check_own_response(fixture, reply, {400, "bad_request", "job", "POST"});
  CHECK(fixture.upstream.seen.empty());
}

TEST_CASE("replay refuses a reference whose host is no longer listed or whose route no longer accepts references") {
  ReferenceFixture fixture;
  config::FallbackEnqueue now;
  now.by_reference = true;
  now.reference_hosts = {"elsewhere"};
  config::FallbackEnqueue inline_now;
  const config::FallbackEnqueue* const configured[] = {&now, &inline_now, nullptr};
  for (const config::FallbackEnqueue* enqueue : configured) {
    std::optional<jobs::FetchedBody> fetched;
    const auto fetch = core::fetch_reference(fixture.runtime, fixture.worker().buffers(), {}, enqueue,
                                             fixture.url(fixture.store.port()),
                                             [&](jobs::FetchedBody came) { fetched = std::move(came); });
    CHECK_FALSE(fetched);
    fixture.until("the verdict", [&] { return fetched.has_value(); });
    CHECK(fetched->result == jobs::FetchedBody::Result::hopeless);
    CHECK(fetched->error == "reference_refused");
  }
  CHECK(fixture.store.seen.empty());
}

TEST_CASE("a cancelled fetch calls nothing back") {
  ReferenceFixture fixture;
  fixture.store.behave({.body = bytes(500'000)});
  config::FallbackEnqueue enqueue;
  enqueue.by_reference = true;
  enqueue.reference_hosts = {"127.0.0.1"};
  for (int turns = 0; turns < 12; ++turns) {
    bool held = true;
    bool told = false;
    auto fetch = core::fetch_reference(fixture.runtime, fixture.worker().buffers(), {}, &enqueue,
                                       fixture.url(fixture.store.port()), [&held, &told](const jobs::FetchedBody&) {
                                         CHECK(held);
                                         told = true;
                                       });
    // Without pending events run_once() would block forever.
    for (int i = 0; i < turns && !told; ++i) fixture.runtime.run_once();
    fetch.reset();
    held = false;
    CHECK(fixture.ask(get("/job")).status == 200);
  }
}

TEST_CASE("the same key with the same object signed again is the same job; with another object it is 422") {
  ReferenceFixture fixture;
  const std::string key = "Idempotency-Key: upload-1\r\n";
  const std::string id = fixture.park(fixture.url(fixture.store.port(), "/b/k?X-Amz-Signature=one"), "x", key);
  CHECK(fixture.park(fixture.url(fixture.store.port(), "/b/k?X-Amz-Signature=two"), "x", key) == id);
  const Reply other = fixture.ask(
      post("/job", "x", ReferenceFixture::field(fixture.url(fixture.store.port(), "/b/other?s=1")) + kAsync + key));
  CHECK(other.status == 422);
  CHECK(fixture.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);
}

}  // namespace tidegate::loopback
