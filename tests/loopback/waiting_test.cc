// Clients that would rather wait for their job's end than come back: Prefer: wait=N (RFC 7240). And what is refused
// before a job is made of it.
#include "loopback/own_answers.h"

namespace tidegate::loopback {

namespace {

constexpr std::string_view kAsync = "Prefer: respond-async\r\n";
constexpr std::string_view kAsyncWait = "Prefer: respond-async, wait=20\r\n";

}  // namespace

TEST_CASE("respond-async alone is applied, and says so") {
  Bed bed;
  const Reply reply = bed.ask(post("/later", "work", kAsync));
  CHECK(reply.status == 202);
  CHECK(reply.field("preference-applied") == "respond-async");
}

TEST_CASE("a client that waits for its job gets the stored answer once the job is done") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 201, "X-Made: by hand\r\n", std::string(100'000, 'r')});
  bed.start_replaying();
  const Reply reply = bed.ask(post("/later", "work", kAsyncWait));
  REQUIRE(reply.status == 201);
  CHECK(reply.body == std::string(100'000, 'r'));
  CHECK(reply.field("x-made") == "by hand");
  CHECK(reply.field("preference-applied") == "respond-async, wait=20");
  CHECK(reply.field("location").starts_with("/_jobs/"));
  CHECK(bed.ask(get(reply.field("location"))).json().at("status") == "succeeded");
  CHECK(bed.metric("tidegate_http_requests_total", {"route=\"later\"", "code=\"201\"", "responded"}) == 1);
}

TEST_CASE("a wait that ends before the job does: 202 with its place in the queue") {
  Bed bed;
  const Reply reply = bed.ask(post("/later", "work", "Prefer: respond-async, wait=0\r\n"));
  REQUIRE(reply.status == 202);
  CHECK(reply.json().at("status") == "queued");
  CHECK(reply.json().at("position") == 0);
  CHECK(reply.field("preference-applied") == "respond-async, wait=0");
}

TEST_CASE("a job that dies while its client waits: the failure, as the result would tell it") {
  Bed bed;
  bed.upstream.behave({Behaviour::Kind::answer, 503});
  bed.start_replaying();
  const Reply reply = bed.ask(post("/later", "work", kAsyncWait));
  check_own_answer(bed, reply, {502, "job_failed", "later", "POST"});
  CHECK(reply.field("location").starts_with("/_jobs/"));
}

TEST_CASE("a status and a result may be waited for as well") {
  for (const std::string path : {"", "/result"}) {
    CAPTURE(path);
    Bed bed;
    const std::string id = bed.ask(post("/later", "work", kAsync)).json().at("job_id");
    const auto waiter = bed.client(get("/_jobs/" + id + path, "Prefer: wait=30\r\n"));
    bed.until("it has arrived", [&] { return bed.metric("tidegate_http_requests_in_flight", {"_jobs"}) == 1; });
    bed.start_replaying();
    const Reply reply = bed.next(*waiter);
    CHECK(reply.status == 200);
    CHECK(reply.field("preference-applied") == "wait=30");
    if (path.empty()) {
      CHECK(reply.json().at("status") == "succeeded");
    } else {
      CHECK(reply.body == "hello");
    }
  }
}

TEST_CASE("a process that drains lets nobody wait for a job") {
  Bed bed;
  const std::string id = bed.ask(post("/later", "work", kAsync)).json().at("job_id");
  const auto waiter = bed.client(get("/_jobs/" + id, "Prefer: wait=60\r\n"));
  bed.until("it has arrived", [&] { return bed.metric("tidegate_http_requests_in_flight", {"_jobs"}) == 1; });
  bed.gateway().set_draining();
  const Reply reply = bed.next(*waiter);
  CHECK(reply.status == 200);
  CHECK(reply.json().at("status") == "queued");
}

TEST_CASE("a client that leaves while it waits leaves its job behind") {
  Bed bed;
  const auto waiter = bed.client(post("/later", "work", kAsyncWait));
  bed.until("the job is stored", [&] { return bed.metric("tidegate_queue_jobs_total", {"accepted"}) == 1; });
  waiter->leave();
  bed.until("it is logged", [&] { return bed.logged("client_closed").size() == 1; });
  bed.start_replaying();
  bed.until("the job has run", [&] { return bed.metric("tidegate_queue_jobs_total", {"succeeded"}) == 1; });
}

TEST_CASE("an idempotency key goes with every try, live and replayed") {
  Bed bed;
  const Reply accepted = bed.ask(post("/later", "x", "Idempotency-Key: \"one\"\r\nPrefer: respond-async\r\n"));
  REQUIRE(accepted.status == 202);
  bed.start_replaying();
  bed.until("it has run", [&] { return bed.upstream.seen.size() == 1; });
  CHECK(bed.upstream.seen[0].field("idempotency-key") == "\"one\"");
  CHECK(bed.ask(post("/later", "x", "Idempotency-Key: two\r\n")).status == 200);
  CHECK(bed.upstream.seen.back().field("idempotency-key") == "two");
}

TEST_CASE("an idempotency key that is not one is refused before anything is done") {
  for (const char* bad : {"Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "Idempotency-Key: \"open\r\n",
                          "Idempotency-Key: two words\r\n", "Idempotency-Key: \r\n"}) {
    CAPTURE(bad);
    Bed bed;
    check_own_answer(bed, bed.ask(post("/later", "x", bad)), {400, "bad_request", "later", "POST"});
    CHECK(bed.upstream.seen.empty());
  }
}

}  // namespace tidegate::loopback
