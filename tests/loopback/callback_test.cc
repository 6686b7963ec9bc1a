// Callbacks on real sockets: sent once, signed, and never a delay for the job.
#include "http/message/webhook.h"
#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

constexpr const char* kReplay =
    "replay: {concurrency: 2, max_attempts: 3, timeout: 5s, backoff: {base: 20ms, max: 20ms, jitter: none}}";

// Jobs go to {UP}, callbacks to `url`.
std::string config_with(const std::string& url = "{RAW}/done?x=1") {
  return test::ConfigBuilder()
      .upstream("up", R"(endpoints: ["{UP}"])")
      .queue("jobs", std::string(R"(url: "sqlite://{DIR}/jobs.db", )") + kReplay)
      .route("told",
             R"(match: {path: /job*}, upstream: up, fallback: {on: [503], enqueue: {queue: jobs, callback: {url: ")" +
                 url + R"(", secret: ")" + kSecret + R"("}}})");
}

std::string park(Fixture& fixture, const std::string& fields = "") {
  fixture.upstream.behave({.status = 503});
  const Reply reply = fixture.ask(post("/job", "work", fields));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

double callbacks(Fixture& fixture, const std::string& event) {
  return fixture.metric("tidegate_queue_jobs_total", {"queue=\"jobs.callbacks\"", "event=\"" + event + '"'});
}

void until_callbacks(Fixture& fixture, const std::string& event, double count) {
  for (int i = 0; i < 60000; ++i) {
    if (callbacks(fixture, event) >= count) return;
  }
  FAIL("the callbacks " << event << " never came to " << count);
}

// The requests that the receiver of callbacks got.
struct Told {
  std::string head;
  std::string body;
  std::string field(const std::string& name) const {
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

std::vector<Told> told(Fixture& fixture) {
  std::vector<Told> all;
  const std::string& bytes = fixture.raw.received;
  for (size_t at = 0; at < bytes.size();) {
    const size_t body = bytes.find("\r\n\r\n", at) + 4;
    Told one{bytes.substr(at, body - at), ""};
    const size_t size = std::stoul(one.field("Content-Length"));
    one.body = bytes.substr(body, size);
    all.push_back(one);
    at = body + size;
  }
  return all;
}

jobs::JobQueue& callbacks_of(Fixture& fixture) { return *fixture.gateway().policies().queues().at("jobs").callbacks; }

jobs::JobRecord dead_callback(Fixture& fixture) {
  std::optional<Result<jobs::JobPage>> page;
  jobs::JobFilter filter;
  filter.status = jobs::JobStatus::dead;
  const auto asked =
      callbacks_of(fixture).list(fixture.runtime, filter, [&](auto answer) { page = std::move(answer); });
  fixture.until("the dead callbacks", [&] { return page.has_value(); });
  REQUIRE(page->ok());
  REQUIRE((*page)->records.size() == 1);
  return (*page)->records[0];
}

const char* const kGood = "HTTP/1.1 204 No Content\r\n\r\n";

}  // namespace

TEST_CASE("a succeeded job sends one signed callback with its status and the URL of its result") {
  Fixture fixture(config_with());
  fixture.raw.script = kGood;
  const std::string id = park(fixture);
  fixture.upstream.behave({.status = 201});
  fixture.start_replaying();
  until_callbacks(fixture, "succeeded", 1);
  const auto messages = told(fixture);
  REQUIRE(messages.size() == 1);
  const Told& message = messages[0];
  CHECK(message.head.starts_with("POST /done?x=1 HTTP/1.1\r\n"));
  CHECK(message.field("Content-Type") == "application/json");
  CHECK(message.field("webhook-id").starts_with("msg_"));
  CHECK(message.field("webhook-signature") == http::webhook_signature(kSecret, message.field("webhook-id"),
                                                                      std::stoll(message.field("webhook-timestamp")),
                                                                      message.body));
  const auto json = nlohmann::json::parse(message.body);
  CHECK(json.at("type") == "job.succeeded");
  CHECK(json.at("data").at("job_id") == id);
  CHECK(json.at("data").at("idempotency_key").is_null());
  CHECK(json.at("data").at("result_status") == 201);
  CHECK(json.at("data").at("result_url") == "/_jobs/" + id + "/result");
  CHECK(callbacks(fixture, "accepted") == 1);
  CHECK(fixture.metric("tidegate_queue_depth", {"queue=\"jobs.callbacks\"", "status=\"succeeded\""}) == 1);
  for (const std::string& line : fixture.log) CHECK(line.find("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") == std::string::npos);
}

TEST_CASE("a callback carries the idempotency key of its job") {
  Fixture fixture(config_with());
  fixture.raw.script = kGood;
  park(fixture, "Idempotency-Key: photo-7\r\n");
  fixture.upstream.behave({});
  fixture.start_replaying();
  until_callbacks(fixture, "succeeded", 1);
  REQUIRE(told(fixture).size() == 1);
  CHECK(nlohmann::json::parse(told(fixture)[0].body).at("data").at("idempotency_key") == "photo-7");
}

TEST_CASE("a dead job sends a callback too") {
  Fixture fixture(config_with());
  fixture.raw.script = kGood;
  const std::string id = park(fixture);
  fixture.let_others_succeed();
  fixture.start_replaying();
  until_callbacks(fixture, "succeeded", 1);
  REQUIRE(told(fixture).size() == 1);
  const auto json = nlohmann::json::parse(told(fixture)[0].body);
  CHECK(json.at("type") == "job.dead");
  CHECK(json.at("data").at("attempt") == 3);
  CHECK(json.at("data").at("last_error") == "503");
  CHECK(fixture.status_of(id) == "dead");
}

TEST_CASE("a failed delivery is retried with the same id and body, and ends as a dead callback") {
  Fixture fixture(config_with());
  fixture.raw.script = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
  const std::string id = park(fixture);
  fixture.upstream.behave({});
  fixture.start_replaying();
  until_callbacks(fixture, "dead", 1);
  const auto messages = told(fixture);
  REQUIRE(messages.size() == 3);
  for (const Told& message : messages) {
    CHECK(message.field("webhook-id") == messages[0].field("webhook-id"));
    CHECK(message.body == messages[0].body);
  }
  CHECK(fixture.status_of(id) == "succeeded");
}

TEST_CASE("a callback is delivered with the response headers, whatever becomes of the body") {
  Fixture fixture(config_with());
  fixture.raw.script = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok";
  fixture.raw.hangs_up = true;
  park(fixture);
  fixture.upstream.behave({});
  fixture.start_replaying();
  until_callbacks(fixture, "succeeded", 1);
  CHECK(told(fixture).size() == 1);
}

TEST_CASE("410 ends a callback at once, and a redirect is not followed") {
  Fixture fixture(config_with());
  fixture.raw.script = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
  park(fixture);
  fixture.upstream.behave({});
  fixture.start_replaying();
  until_callbacks(fixture, "dead", 1);
  CHECK(told(fixture).size() == 1);
  fixture.raw.script = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
  park(fixture);
  fixture.upstream.behave({});
  until_callbacks(fixture, "dead", 2);
  CHECK(told(fixture).size() == 4);
  CHECK(fixture.raw.received.find("/elsewhere") == std::string::npos);
}

TEST_CASE("a callback receiver without a response never delays the job") {
  Fixture fixture(config_with());
  fixture.raw.script = "";
  const std::string id = park(fixture);
  fixture.upstream.behave({});
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  fixture.until("the callback is sent", [&] { return !fixture.raw.received.empty(); });
  CHECK(callbacks(fixture, "succeeded") == 0);
  const std::string another = park(fixture);
  fixture.upstream.behave({});
  fixture.until_status(another, "succeeded");
}

TEST_CASE("a callback without a response is delivered after a restart") {
  Fixture fixture(config_with());
  fixture.raw.script = "";
  fixture.raw.hangs_up = false;
  park(fixture);
  fixture.upstream.behave({});
  fixture.start_replaying();
  fixture.until("the callback is sent", [&] { return fixture.raw.received.ends_with("}}"); });
  const Told lost = told(fixture).at(0);
  fixture.raw.received.clear();
  fixture.raw.script = kGood;
  fixture.restart();
  fixture.start_replaying();
  until_callbacks(fixture, "succeeded", 1);
  REQUIRE(told(fixture).size() == 1);
  CHECK(told(fixture)[0].field("webhook-id") == lost.field("webhook-id"));
  CHECK(told(fixture)[0].body == lost.body);
  CHECK(nlohmann::json::parse(lost.body).at("type") == "job.succeeded");
}

TEST_CASE(
    "a callback receiver that is unreachable, hangs up or sends invalid HTTP: the job ends, and the callback dies") {
  struct Case {
    const char* url;
    const char* script;
    const char* error;
  };
  for (const Case& hostile : {Case{"http://nowhere.invalid/done", "", "connect_failure"},
                              Case{"http://127.0.0.1:1/done", "", "connect_failure"}, Case{"{RAW}/", "", "reset"},
                              Case{"{RAW}/", "what do you want?\r\n\r\n", "bad_response"},
                              Case{"{RAW}/", "HTTP/1.1 200 OK\r\nContent-Len", "reset"}}) {
    CAPTURE(hostile.url);
    CAPTURE(hostile.script);
    Fixture fixture(config_with(hostile.url));
    fixture.raw.script = hostile.script;
    fixture.raw.hangs_up = true;
    const std::string id = park(fixture);
    fixture.upstream.behave({});
    fixture.start_replaying();
    fixture.until_status(id, "succeeded");
    until_callbacks(fixture, "dead", 1);
    const jobs::JobRecord callback = dead_callback(fixture);
    CHECK(callback.attempt == 3);
    CHECK(callback.last_error == hostile.error);
    CHECK(callbacks(fixture, "succeeded") == 0);
  }
}

TEST_CASE("a kill between storing the callback and the end of the job leaves one result and one callback") {
  Fixture fixture(config_with());
  fixture.raw.script = kGood;
  const std::string id = park(fixture);
  const size_t seen = fixture.upstream.seen.size();
  fixture.upstream.behave({.kind = Behaviour::Kind::hold});
  fixture.start_replaying();
  fixture.until("the job runs",
                [&] { return fixture.upstream.seen.size() > seen && fixture.upstream.seen.back().whole; });
  fixture.close_queue();  // its end cannot be stored any more
  fixture.upstream.release({.status = 201});
  fixture.until("the callback is stored", [&] { return callbacks_of(fixture).view().oldest_created_at.has_value(); });
  CHECK(fixture.raw.received.empty());
  fixture.restart();
  fixture.upstream.behave({.status = 201});
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  until_callbacks(fixture, "succeeded", 2);  // the one of the try that was lost has nothing to tell
  REQUIRE(told(fixture).size() == 1);
  const auto json = nlohmann::json::parse(told(fixture)[0].body);
  CHECK(json.at("type") == "job.succeeded");
  CHECK(json.at("data").at("attempt") == 2);
  CHECK(json.at("data").at("job_id") == id);
  CHECK(callbacks_of(fixture).view().oldest_created_at.has_value() == false);
}

TEST_CASE("with the callback store closed, the job still ends and the loss is logged") {
  Fixture fixture(config_with());
  bool closed = false;
  fixture.gateway().policies().queues().at("jobs").callbacks->close(fixture.runtime, [&] { closed = true; });
  fixture.until("the store is closed", [&] { return closed; });
  const std::string id = park(fixture);
  fixture.upstream.behave({});
  fixture.start_replaying();
  fixture.until_status(id, "succeeded");
  const auto lost = std::count_if(fixture.log.begin(), fixture.log.end(),
                                  [](const std::string& line) { return line.find("callback_lost") != line.npos; });
  CHECK(lost == 1);
  CHECK(callbacks(fixture, "dead") == 1);
}

}  // namespace tidegate::loopback
