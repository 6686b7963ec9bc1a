// Completion webhooks on real sockets: whoever asked for one is told, once, signed, and is never in the job's way.
#include "http/message/webhook.h"
#include "loopback/own_answers.h"

namespace tidegate::loopback {

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

// Jobs that reach their upstream at {UP}, or never ({gone}); who is told listens at {RAW}.
std::string config_with(const std::string& url = "{RAW}/done?x=1") {
  return R"(
log: {access: all}
admin: {address: 127.0.0.1:0}
upstreams:
  up: {endpoints: ["{UP}"]}
queues:
  jobs:
    url: sqlite://{DIR}/jobs.db
    replay: {concurrency: 2, max_attempts: 3, timeout: 5s, backoff: {base: 20ms, max: 20ms, jitter: none}}
listeners:
  - name: in
    address: 127.0.0.1:0
    routes:
      - name: told
        match: {path: /job*}
        upstream: up
        fallback:
          on: [503]
          enqueue: {queue: jobs, callback: {url: ")" +
         url + R"(", secret: ")" + kSecret + R"("}}
)";
}

std::string status_of(Bed& bed, const std::string& id) { return bed.ask(get("/_jobs/" + id)).json().at("status"); }

std::string park(Bed& bed, const std::string& fields = "") {
  bed.upstream.behave({.status = 503});
  const Reply reply = bed.ask(post("/job", "work", fields));
  REQUIRE(reply.status == 202);
  return reply.json().at("job_id");
}

void until_status(Bed& bed, const std::string& id, const std::string& status) {
  for (int i = 0; i < 60000; ++i) {
    if (status_of(bed, id) == status) return;
  }
  FAIL("job " << id << " never became " << status);
}

double callbacks(Bed& bed, const std::string& event) {
  return bed.metric("tidegate_queue_jobs_total", {"queue=\"jobs.callbacks\"", "event=\"" + event + '"'});
}

void until_callbacks(Bed& bed, const std::string& event, double count) {
  for (int i = 0; i < 60000; ++i) {
    if (callbacks(bed, event) >= count) return;
  }
  FAIL("the callbacks " << event << " never came to " << count);
}

// The requests that the told one received.
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

std::vector<Told> told(Bed& bed) {
  std::vector<Told> all;
  const std::string& bytes = bed.raw.received;
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

jobs::JobQueue& callbacks_of(Bed& bed) { return *bed.gateway().policies().queues().at("jobs").callbacks; }

jobs::JobRecord dead_callback(Bed& bed) {
  std::optional<Result<jobs::JobPage>> page;
  jobs::JobFilter filter;
  filter.status = jobs::JobStatus::dead;
  const auto asked = callbacks_of(bed).list(bed.runtime, filter, [&](auto answer) { page = std::move(answer); });
  bed.until("the dead callbacks", [&] { return page.has_value(); });
  REQUIRE(page->ok());
  REQUIRE((*page)->records.size() == 1);
  return (*page)->records[0];
}

const char* const kGood = "HTTP/1.1 204 No Content\r\n\r\n";

}  // namespace

TEST_CASE("a job that succeeds is told of once, signed, with its status and the way to its result") {
  Bed bed(config_with());
  bed.raw.script = kGood;
  const std::string id = park(bed);
  bed.upstream.behave({.status = 201});
  bed.start_replaying();
  until_callbacks(bed, "succeeded", 1);
  const auto messages = told(bed);
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
  CHECK(callbacks(bed, "accepted") == 1);
  CHECK(bed.metric("tidegate_queue_depth", {"queue=\"jobs.callbacks\"", "status=\"succeeded\""}) == 1);
  for (const std::string& line : bed.log) CHECK(line.find("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") == std::string::npos);
}

TEST_CASE("whoever gave a job an idempotency key is told of it by that key") {
  Bed bed(config_with());
  bed.raw.script = kGood;
  park(bed, "Idempotency-Key: photo-7\r\n");
  bed.upstream.behave({});
  bed.start_replaying();
  until_callbacks(bed, "succeeded", 1);
  REQUIRE(told(bed).size() == 1);
  CHECK(nlohmann::json::parse(told(bed)[0].body).at("data").at("idempotency_key") == "photo-7");
}

TEST_CASE("a job that dies is told of too") {
  Bed bed(config_with());
  bed.raw.script = kGood;
  const std::string id = park(bed);
  bed.start_replaying();
  until_callbacks(bed, "succeeded", 1);
  REQUIRE(told(bed).size() == 1);
  const auto json = nlohmann::json::parse(told(bed)[0].body);
  CHECK(json.at("type") == "job.dead");
  CHECK(json.at("data").at("attempt") == 3);
  CHECK(json.at("data").at("last_error") == "503");
  CHECK(status_of(bed, id) == "dead");
}

TEST_CASE(
    "a failed delivery is tried again with the same id and the same body, and ends in the callbacks' dead letters") {
  Bed bed(config_with());
  bed.raw.script = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
  const std::string id = park(bed);
  bed.upstream.behave({});
  bed.start_replaying();
  until_callbacks(bed, "dead", 1);
  const auto messages = told(bed);
  REQUIRE(messages.size() == 3);
  for (const Told& message : messages) {
    CHECK(message.field("webhook-id") == messages[0].field("webhook-id"));
    CHECK(message.body == messages[0].body);
  }
  CHECK(status_of(bed, id) == "succeeded");
}

TEST_CASE("410 ends a callback at once, and a redirect is not followed") {
  Bed bed(config_with());
  bed.raw.script = "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n";
  park(bed);
  bed.upstream.behave({});
  bed.start_replaying();
  until_callbacks(bed, "dead", 1);
  CHECK(told(bed).size() == 1);
  bed.raw.script = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
  park(bed);
  bed.upstream.behave({});
  until_callbacks(bed, "dead", 2);
  CHECK(told(bed).size() == 4);
  CHECK(bed.raw.received.find("/elsewhere") == std::string::npos);
}

TEST_CASE("who is told never delays the job: its answer may not come at all") {
  Bed bed(config_with());
  bed.raw.script = "";
  const std::string id = park(bed);
  bed.upstream.behave({});
  bed.start_replaying();
  until_status(bed, id, "succeeded");
  bed.until("the callback is sent", [&] { return !bed.raw.received.empty(); });
  CHECK(callbacks(bed, "succeeded") == 0);
  const std::string another = park(bed);
  bed.upstream.behave({});
  until_status(bed, another, "succeeded");
}

TEST_CASE("a callback that was not delivered is delivered after a restart") {
  Bed bed(config_with());
  bed.raw.script = "";
  bed.raw.hangs_up = false;
  park(bed);
  bed.upstream.behave({});
  bed.start_replaying();
  bed.until("the callback is sent", [&] { return bed.raw.received.ends_with("}}"); });
  const Told lost = told(bed).at(0);
  bed.raw.received.clear();
  bed.raw.script = kGood;
  bed.restart();
  bed.start_replaying();
  until_callbacks(bed, "succeeded", 1);
  REQUIRE(told(bed).size() == 1);
  CHECK(told(bed)[0].field("webhook-id") == lost.field("webhook-id"));
  CHECK(told(bed)[0].body == lost.body);
  CHECK(nlohmann::json::parse(lost.body).at("type") == "job.succeeded");
}

TEST_CASE("who is told may be nowhere, refuse, hang up or talk nonsense: the job ends, and so does the callback") {
  struct Case {
    const char* url;
    const char* script;
    const char* error;
  };
  for (const Case& hostile : {Case{"http://nowhere.invalid/done", "", "connect_failure"},
                              Case{"http://127.0.0.1:1/done", "", "connect_failure"}, Case{"{RAW}/", "", "reset"},
                              Case{"{RAW}/", "what do you want?\r\n\r\n", "bad_response"},
                              Case{"{RAW}/", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "reset"}}) {
    CAPTURE(hostile.url);
    CAPTURE(hostile.script);
    Bed bed(config_with(hostile.url));
    bed.raw.script = hostile.script;
    bed.raw.hangs_up = true;
    const std::string id = park(bed);
    bed.upstream.behave({});
    bed.start_replaying();
    until_status(bed, id, "succeeded");
    until_callbacks(bed, "dead", 1);
    const jobs::JobRecord callback = dead_callback(bed);
    CHECK(callback.attempt == 3);
    CHECK(callback.last_error == hostile.error);
    CHECK(callbacks(bed, "succeeded") == 0);
  }
}

TEST_CASE("a kill after the callback is stored and before the job's end is: one result, told of once") {
  Bed bed(config_with());
  bed.raw.script = kGood;
  const std::string id = park(bed);
  const size_t tries = bed.upstream.seen.size();
  bed.upstream.behave({.kind = Behaviour::Kind::hold});
  bed.start_replaying();
  bed.until("the job runs", [&] { return bed.upstream.seen.size() > tries && bed.upstream.seen.back().whole; });
  bed.close_queue();  // its end cannot be stored any more
  bed.upstream.release({.status = 201});
  bed.until("the callback is stored", [&] { return callbacks_of(bed).view().oldest_created_at.has_value(); });
  CHECK(bed.raw.received.empty());
  bed.restart();
  bed.upstream.behave({.status = 201});
  bed.start_replaying();
  until_status(bed, id, "succeeded");
  until_callbacks(bed, "succeeded", 2);  // the one of the try that was lost has nothing to tell
  REQUIRE(told(bed).size() == 1);
  const auto json = nlohmann::json::parse(told(bed)[0].body);
  CHECK(json.at("type") == "job.succeeded");
  CHECK(json.at("data").at("attempt") == 2);
  CHECK(json.at("data").at("job_id") == id);
  CHECK(callbacks_of(bed).view().oldest_created_at.has_value() == false);
}

TEST_CASE("where the callbacks' store is closed the job ends all the same, and the loss is told") {
  Bed bed(config_with());
  bool closed = false;
  bed.gateway().policies().queues().at("jobs").callbacks->close(bed.runtime, [&] { closed = true; });
  bed.until("the store is closed", [&] { return closed; });
  const std::string id = park(bed);
  bed.upstream.behave({});
  bed.start_replaying();
  until_status(bed, id, "succeeded");
  const auto lost = std::count_if(bed.log.begin(), bed.log.end(),
                                  [](const std::string& line) { return line.find("callback_lost") != line.npos; });
  CHECK(lost == 1);
  CHECK(callbacks(bed, "dead") == 1);
}

}  // namespace tidegate::loopback
