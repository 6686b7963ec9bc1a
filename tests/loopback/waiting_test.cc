// Prefer: wait=N (RFC 7240): clients that wait for the end of their job. And requests that are refused before a job is
// created.
#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

constexpr std::string_view kRespondAsync = "Prefer: respond-async\r\n";
constexpr std::string_view kAsyncWait = "Prefer: respond-async, wait=20\r\n";

}  // namespace

TEST_CASE("respond-async without wait is applied and reported in Preference-Applied") {
  Fixture fixture;
  const Reply reply = fixture.ask(post("/later", "work", kRespondAsync));
  CHECK(reply.status == 202);
  CHECK(reply.field("preference-applied") == "respond-async");
}

TEST_CASE("a client that waits for its job gets the stored response when the job is done") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 201, "X-Made: by hand\r\n", std::string(100'000, 'r')});
  fixture.start_replaying();
  const Reply reply = fixture.ask(post("/later", "work", kAsyncWait));
  REQUIRE(reply.status == 201);
  CHECK(reply.body == std::string(100'000, 'r'));
  CHECK(reply.field("x-made") == "by hand");
  CHECK(reply.field("preference-applied") == "respond-async, wait=20");
  CHECK(reply.field("location").starts_with("/_jobs/"));
  CHECK(fixture.ask(get(reply.field("location"))).json().at("status") == "succeeded");
  CHECK(fixture.metric("tidegate_http_requests_total", {"route=\"later\"", "code=\"201\"", "responded"}) == 1);
}

TEST_CASE("a wait that ends before the job gets 202 with its position in the queue") {
  Fixture fixture;
  const Reply reply = fixture.ask(post("/later", "work", "Prefer: respond-async, wait=0\r\n"));
  REQUIRE(reply.status == 202);
  CHECK(reply.json().at("status") == "queued");
  CHECK(reply.json().at("position") == 0);
  CHECK(reply.field("preference-applied") == "respond-async, wait=0");
}

TEST_CASE("a client that waits for a job that ends dead gets the response of its result") {
  Fixture fixture;
  fixture.upstream.behave({Behaviour::Kind::respond, 503});
  fixture.let_others_succeed();
  fixture.start_replaying();
  const Reply reply = fixture.ask(post("/later", "work", kAsyncWait));
  check_own_response(fixture, reply, {502, "job_failed", "later", "POST"});
  CHECK(reply.field("location").starts_with("/_jobs/"));
}

TEST_CASE("Prefer: wait works for the status and the result of a job") {
  for (const std::string path : {"", "/result"}) {
    CAPTURE(path);
    Fixture fixture;
    const std::string id = fixture.ask(post("/later", "work", kRespondAsync)).json().at("job_id");
    const auto waiter = fixture.client(get("/_jobs/" + id + path, "Prefer: wait=30\r\n"));
    fixture.until("it has arrived", [&] { return fixture.metric("tidegate_http_requests_in_flight", {"_jobs"}) == 1; });
    fixture.start_replaying();
    const Reply reply = fixture.next(*waiter);
    CHECK(reply.status == 200);
    CHECK(reply.field("preference-applied") == "wait=30");
    if (path.empty()) {
      CHECK(reply.json().at("status") == "succeeded");
    } else {
      CHECK(reply.body == "hello");
    }
  }
}

TEST_CASE("draining ends every wait for a job") {
  Fixture fixture;
  const std::string id = fixture.ask(post("/later", "work", kRespondAsync)).json().at("job_id");
  const auto waiter = fixture.client(get("/_jobs/" + id, "Prefer: wait=60\r\n"));
  fixture.until("it has arrived", [&] { return fixture.metric("tidegate_http_requests_in_flight", {"_jobs"}) == 1; });
  fixture.gateway().set_draining();
  const Reply reply = fixture.next(*waiter);
  CHECK(reply.status == 200);
  CHECK(reply.json().at("status") == "queued");
}

TEST_CASE("a client that disconnects while it waits does not cancel its job") {
  Fixture fixture;
  const auto waiter = fixture.client(post("/later", "work", kAsyncWait));
  fixture.until("the job is stored", [&] { return fixture.metric("tidegate_queue_jobs_total", {"accepted"}) == 1; });
  waiter->leave();
  fixture.until("it is logged", [&] { return fixture.logged("client_closed").size() == 1; });
  fixture.start_replaying();
  fixture.until("the job has run", [&] { return fixture.metric("tidegate_queue_jobs_total", {"succeeded"}) == 1; });
}

TEST_CASE("every attempt carries the idempotency key, live and replayed") {
  Fixture fixture;
  const Reply accepted = fixture.ask(post("/later", "x", "Idempotency-Key: \"one\"\r\nPrefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  fixture.start_replaying();
  fixture.until("it has run", [&] { return fixture.upstream.seen.size() == 1; });
  CHECK(fixture.upstream.seen[0].field("idempotency-key") == "\"one\"");
  CHECK(fixture.ask(post("/later", "x", "Idempotency-Key: two\r\n")).status == 200);
  CHECK(fixture.upstream.seen.back().field("idempotency-key") == "two");
}

TEST_CASE("an invalid idempotency key is refused before anything else happens") {
  for (const char* bad : {"Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "Idempotency-Key: \"open\r\n",
                          "Idempotency-Key: two words\r\n", "Idempotency-Key: \r\n"}) {
    CAPTURE(bad);
    Fixture fixture;
    check_own_response(fixture, fixture.ask(post("/later", "x", bad)), {400, "bad_request", "later", "POST"});
    CHECK(fixture.upstream.seen.empty());
  }
}

}  // namespace tidegate::loopback
