// Bodies by reference, on real sockets: the job holds a URL, the replay fetches what lies there, and what goes wrong
// with that is told plainly and held against nobody's upstream.
#include "core/replay/reference_fetch.h"
#include "loopback/reference_rig.h"

namespace tidegate::loopback {

TEST_CASE("a job by reference stores no body, and is replayed with what lies at its reference, byte for byte") {
  for (const size_t size : {0, 5, 60 * 1024, 256 * 1024, 700'001, 1 << 20}) {
    for (const bool chunked : {false, true}) {
      CAPTURE(size);
      CAPTURE(chunked);
      ReferenceRig rig;
      const std::string original = bytes(size);
      rig.store.behave({.fields = "Content-Type: text/wrong\r\n", .body = original, .chunked = chunked});
      const uint64_t before = rig.bed.queue().view().bytes;
      const std::string id =
          rig.park(rig.url(rig.store.port()), std::string(100'000, 'l'), "Content-Type: image/png\r\n");
      CHECK(rig.bed.queue().view().bytes - before < 10'000);
      CHECK(rig.store.seen.empty());
      rig.bed.start_replaying();
      rig.until(id, "succeeded");
      REQUIRE(rig.bed.upstream.seen.size() == 1);
      const Seen& seen = rig.bed.upstream.seen[0];
      CHECK(seen.body == original);
      CHECK(seen.field("content-length") == std::to_string(size));
      CHECK(seen.field("content-type") == "image/png");
      CHECK(seen.count("tidegate-body-ref") == 0);
      REQUIRE(rig.store.seen.size() == 1);
      CHECK(rig.store.seen[0].method == "GET");
      CHECK(rig.store.seen[0].target == "/original?X-Amz-Signature=secret");
      CHECK(rig.store.seen[0].field("host") == "127.0.0.1:" + std::to_string(rig.store.port()));
      CHECK(rig.store.seen[0].body_bytes == 0);
    }
  }
}

TEST_CASE("the live try sends the body it has, without the reference; its replay the referenced one") {
  ReferenceRig rig;
  rig.bed.upstream.behave({.status = 503});
  rig.store.behave({.body = "the original"});
  const Reply reply = rig.bed.ask(post("/job", "the live body", ReferenceRig::field(rig.url(rig.store.port()))));
  REQUIRE(reply.status == 202);
  rig.bed.upstream.behave({.status = 200});
  rig.bed.start_replaying();
  rig.until(reply.json().at("job_id"), "succeeded");
  REQUIRE(rig.bed.upstream.seen.size() == 2);
  CHECK(rig.bed.upstream.seen[0].body == "the live body");
  CHECK(rig.bed.upstream.seen[1].body == "the original");
  for (const Seen& seen : rig.bed.upstream.seen) CHECK(seen.count("tidegate-body-ref") == 0);
}

TEST_CASE("a request without a reference is queued with its own body where references are taken") {
  ReferenceRig rig;
  const Reply reply = rig.bed.ask(post("/job", "mine", kAsync));
  REQUIRE(reply.status == 202);
  rig.bed.start_replaying();
  rig.until(reply.json().at("job_id"), "succeeded");
  CHECK(rig.bed.upstream.seen.at(0).body == "mine");
}

TEST_CASE("a body that is still on its way, or never comes whole, does not keep a job by reference from its 202") {
  ReferenceRig rig;
  rig.store.behave({.body = "the original"});
  const auto client = rig.bed.client("POST /job HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n" +
                                     ReferenceRig::field(rig.url(rig.store.port())) + kAsync + "\r\nthe beginning");
  const Reply reply = rig.bed.next(*client);
  REQUIRE(reply.status == 202);
  rig.bed.start_replaying();
  rig.until(reply.json().at("job_id"), "succeeded");
  CHECK(rig.bed.upstream.seen.at(0).body == "the original");

  // Broken while it is waited for: the answer is the job's all the same.
  const auto broken = rig.bed.client("POST /job HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" +
                                     ReferenceRig::field(rig.url(rig.store.port())) +
                                     "Prefer: respond-async, wait=20\r\n\r\nthis is no chunk");
  const Reply result = rig.bed.next(*broken);
  CHECK((result.status == 200 || result.status == 202));
  CHECK(result.field("location").starts_with("/_jobs/"));
}

TEST_CASE("a reference that is gone or forbidden ends its job at once, as reference_gone") {
  for (const uint16_t status : {404, 403, 410}) {
    CAPTURE(status);
    ReferenceRig rig;
    rig.store.behave({.status = status});
    const std::string id = rig.park();
    rig.check_dead_at_once(id, "reference_gone");
    CHECK(rig.store.seen.size() == 1);
    for (const std::string& line : rig.bed.log) CHECK(line.find("secret") == std::string::npos);
  }
}

TEST_CASE("an object store that fails, hangs up, ends early, sends elsewhere or tells no length is asked again") {
  const Behaviour behaviours[] = {{.status = 500},
                                  {.status = 503, .fields = "Retry-After: 3600\r\n"},
                                  {.status = 206},
                                  {.kind = Behaviour::Kind::hang_up},
                                  {.kind = Behaviour::Kind::break_off, .body = bytes(400'000)},
                                  {.kind = Behaviour::Kind::break_off, .body = bytes(400'000), .chunked = true}};
  for (const Behaviour& behaviour : behaviours) {
    CAPTURE(behaviour.status);
    ReferenceRig rig;
    rig.store.behave(behaviour);
    rig.check_dead_in_the_end(rig.park(), "reference_unreachable");
    CHECK(rig.store.seen.size() == 3);
  }
}

TEST_CASE("a redirect is not followed") {
  ReferenceRig rig;
  Upstream elsewhere{rig.bed.runtime};
  rig.store.behave({.status = 302, .fields = "Location: " + rig.url(elsewhere.port()) + "\r\n"});
  rig.check_dead_in_the_end(rig.park(), "reference_unreachable");
  CHECK(elsewhere.seen.empty());
}

TEST_CASE("an answer that is no HTTP, or whose end only the connection tells, is not taken for the body") {
  for (const std::string script : {"not http at all\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhalf of it, perhaps"}) {
    CAPTURE(script);
    ReferenceRig rig;
    rig.bed.raw.script = script;
    rig.bed.raw.hangs_up = true;
    rig.check_dead_in_the_end(rig.park(rig.url(rig.bed.raw.port())), "reference_unreachable");
  }
}

TEST_CASE("nobody listens where the reference points: retried") {
  ReferenceRig rig;
  rig.check_dead_in_the_end(rig.park(rig.url(1)), "reference_unreachable");
}

TEST_CASE("what failed once may come the next time") {
  ReferenceRig rig;
  rig.store.behave({.kind = Behaviour::Kind::break_off, .body = bytes(400'000)});
  const std::string id = rig.park();
  rig.bed.start_replaying();
  rig.bed.until("it was asked", [&] { return !rig.store.seen.empty(); });
  rig.store.behave({.body = bytes(400'000)});
  rig.until(id, "succeeded");
  CHECK(rig.bed.upstream.seen.size() == 1);
  CHECK(rig.bed.upstream.seen[0].body == bytes(400'000));
}

TEST_CASE("a reference that hangs fails after its own time, holds no place and no permit, and is retried") {
  for (const auto kind : {Behaviour::Kind::hold, Behaviour::Kind::stop}) {
    ReferenceRig rig("max_body: 1MiB, reference_timeout: 150ms");
    rig.store.behave({.kind = kind, .body = bytes(1000)});
    const std::string id = rig.park();
    rig.bed.start_replaying();
    rig.bed.until("it is being fetched", [&] { return !rig.store.seen.empty(); });
    rig.check_upstream_untouched();
    rig.until_failed_once(id);
    CHECK(rig.job(id).at("last_error") == "reference_unreachable");
    rig.store.behave({.body = "at last"});
    rig.until(id, "succeeded");
    CHECK(rig.bed.upstream.seen.at(0).body == "at last");
  }
}

TEST_CASE("a body larger than the route's max_body ends its job at once, announced or not") {
  for (const bool chunked : {false, true}) {
    CAPTURE(chunked);
    ReferenceRig rig("max_body: 300KiB");
    rig.store.behave({.body = bytes(300 * 1024 + 1), .chunked = chunked});
    rig.check_dead_at_once(rig.park(), "reference_too_large");
  }
  ReferenceRig rig("max_body: 300KiB");
  rig.store.behave({.body = bytes(300 * 1024), .chunked = true});
  const std::string id = rig.park();
  rig.bed.start_replaying();
  rig.until(id, "succeeded");
}

TEST_CASE("a reference to a host that is not listed is 400 at the door, and nobody is asked") {
  ReferenceRig rig;
  const Reply reply = rig.bed.ask(post("/job", "x", ReferenceRig::field("http://169.254.169.254/latest")));
  check_own_answer(rig.bed, reply, {400, "bad_request", "job", "POST"});
  CHECK(rig.bed.upstream.seen.empty());
}

TEST_CASE("a host that is listed no more, or a route that takes no references any more, refuses at replay") {
  ReferenceRig rig;
  config::FallbackEnqueue now;
  now.by_reference = true;
  now.reference_hosts = {"elsewhere"};
  config::FallbackEnqueue inline_now;
  const config::FallbackEnqueue* const configured[] = {&now, &inline_now, nullptr};
  for (const config::FallbackEnqueue* enqueue : configured) {
    std::optional<jobs::FetchedBody> fetched;
    const auto fetch = core::fetch_reference(rig.bed.runtime, enqueue, rig.url(rig.store.port()),
                                             [&](jobs::FetchedBody came) { fetched = std::move(came); });
    CHECK_FALSE(fetched);
    rig.bed.until("the verdict", [&] { return fetched.has_value(); });
    CHECK(fetched->result == jobs::FetchedBody::Result::hopeless);
    CHECK(fetched->error == "reference_refused");
  }
  CHECK(rig.store.seen.empty());
}

TEST_CASE("a fetch that is given up is silent") {
  ReferenceRig rig;
  rig.store.behave({.body = bytes(500'000)});
  config::FallbackEnqueue enqueue;
  enqueue.by_reference = true;
  enqueue.reference_hosts = {"127.0.0.1"};
  for (int turns = 0; turns < 12; ++turns) {
    bool held = true;
    bool told = false;
    auto fetch = core::fetch_reference(rig.bed.runtime, &enqueue, rig.url(rig.store.port()),
                                       [&held, &told](const jobs::FetchedBody&) {
                                         CHECK(held);
                                         told = true;
                                       });
    // A loop with nothing left to come would wait for ever.
    for (int i = 0; i < turns && !told; ++i) rig.bed.runtime.run_once();
    fetch.reset();
    held = false;
    CHECK(rig.bed.ask(get("/job")).status == 200);
  }
}

TEST_CASE("one key and one object, signed anew: the same job; another object: 422") {
  ReferenceRig rig;
  const std::string key = "Idempotency-Key: upload-1\r\n";
  const std::string id = rig.park(rig.url(rig.store.port(), "/b/k?X-Amz-Signature=one"), "x", key);
  CHECK(rig.park(rig.url(rig.store.port(), "/b/k?X-Amz-Signature=two"), "x", key) == id);
  const Reply other =
      rig.bed.ask(post("/job", "x", ReferenceRig::field(rig.url(rig.store.port(), "/b/other?s=1")) + kAsync + key));
  CHECK(other.status == 422);
  CHECK(rig.bed.metric("tidegate_queue_jobs_total", {"event=\"accepted\""}) == 1);
}

}  // namespace tidegate::loopback
