// The rules of the watermark course, in simulated time, on the shipped configuration.
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "sim/world.h"

namespace tidegate::sim {

namespace {

std::string shipped_config() {
  std::ifstream file(TIDEGATE_SOURCE_DIR "/config/tidegate.yaml");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

class Course {
 public:
  explicit Course(const std::string& yaml = shipped_config()) : world_({.seed = 42}, yaml) {
    log_configure(LogLevel::off, LogFormat::text);
  }

  // One upload; runs the world until it has its answer.
  const SimClient& upload() {
    ClientPlan plan;
    plan.id = "u" + std::to_string(count_++);
    plan.target = "/optimize?text=x&position=center";
    plan.body = "image";
    const SimClient& client = world_.client(std::move(plan));
    for (int steps = 0; !client.ended() && steps < 2000; ++steps) world_.run_for(50ms);
    REQUIRE(client.ended());
    return client;
  }

  policy::BreakerState state() { return world_.gateway().table()->breakers()[0]->view(world_.runtime().now()).state; }

  World& world() { return world_; }

 private:
  World world_;
  int count_ = 0;
};

int status(const SimClient& client) { return client.answered() ? client.result()->status : 0; }

}  // namespace

TEST_CASE("a healthy optimizer answers through Tidegate") {
  Course course;
  const SimClient& client = course.upload();
  CHECK(status(client) == 200);
  CHECK(client.result()->body == expected_answer("/optimize?text=x&position=center", "image"));
}

TEST_CASE("five failures in a row open the breaker, and the fifth is not yet refused") {
  Course course;
  course.world().upstream().set_mood({.error = 1});
  for (int i = 0; i < 4; ++i) {
    CHECK(status(course.upload()) == 202);
    CHECK(course.state() == policy::BreakerState::closed);
  }
  CHECK(status(course.upload()) == 202);
  CHECK(course.state() == policy::BreakerState::open);
}

TEST_CASE("sixty percent of ten calls open the breaker, though never five failed in a row") {
  Course course;
  for (const bool fails : {true, true, false, true, true, false, false, true, false}) {
    course.world().upstream().set_mood({.error = fails ? 1.0 : 0.0});
    course.upload();
    CHECK(course.state() == policy::BreakerState::closed);
  }
  course.world().upstream().set_mood({.error = 1});
  course.upload();
  CHECK(course.state() == policy::BreakerState::open);
}

TEST_CASE("after thirty seconds one queued job is the probe, and its success closes the breaker") {
  Course course;
  course.world().upstream().set_mood({.error = 1});
  for (int i = 0; i < 5; ++i) course.upload();
  const uint64_t seen = course.world().upstream().seen();
  course.world().upstream().set_mood({});
  course.world().run_for(29s);
  CHECK(course.state() == policy::BreakerState::open);
  CHECK(course.world().upstream().seen() == seen);
  course.world().run_for(6s);  // open_for is jittered by a tenth only after a failed probe
  CHECK(course.state() == policy::BreakerState::closed);
  course.world().run_for(60s);
  for (const jobs::JobRecord& job : course.world().store().all()) CHECK(job.status == jobs::JobStatus::succeeded);
}

// A hundred uploads, one after the other; how many the optimizer got to see.
uint64_t hundred_uploads(Course& course) {
  int waited = 0;
  for (int i = 0; i < 100; ++i) {
    const SimClient& client = course.upload();
    CHECK(status(client) == 202);
    if (client.took() >= 10s) ++waited;  // response_header
    if (client.took() < 10s) CHECK(client.took() < 100ms);
    course.world().run_for(100ms);
  }
  CHECK(waited <= 5);
  return course.world().upstream().seen();
}

TEST_CASE("a hundred requests against a hung optimizer cost five time-outs, not a hundred") {
  Course course(replaced(shipped_config(), "base: 1s", "base: 2m"));  // replays stay out of the way
  course.world().upstream().set_mood({.hang = 1});
  CHECK(hundred_uploads(course) == 5);
  CHECK(course.state() == policy::BreakerState::open);
}

TEST_CASE("where replays share the cost, a hung optimizer still sees five calls, and one that was under way") {
  Course course;
  course.world().upstream().set_mood({.hang = 1});
  CHECK(hundred_uploads(course) <= 6);
  CHECK(course.state() == policy::BreakerState::open);
}

TEST_CASE("no user's request is spent as the probe while a job can be it") {
  Course course;
  SimUpstream& upstream = course.world().upstream();
  upstream.set_mood({.error = 1});
  for (int i = 0; i < 5; ++i) course.upload();
  CHECK(course.state() == policy::BreakerState::open);
  upstream.set_mood({.latency_min = 1s, .latency_max = 1s});
  // Live traffic all the time, while the breaker comes due and its probe is under way.
  std::vector<const SimClient*> live;
  while (course.state() != policy::BreakerState::closed) {
    REQUIRE(live.size() < 400);
    live.push_back(
        &course.world().client({.id = "live" + std::to_string(live.size()), .target = "/optimize", .body = "image"}));
    course.world().run_for(100ms);
  }
  CHECK(live.size() > 300);  // thirty seconds, and the probe's own
  live.pop_back();           // it may have come after the closing
  for (const SimClient* client : live) {
    CAPTURE(client->plan().id);
    CAPTURE(status(*client));
    CHECK((status(*client) == 202 || status(*client) == 429));
  }
}

TEST_CASE("a failure from before the breaker opened is not the probe's") {
  Course course(replaced(shipped_config(), "open_for: 30s", "open_for: 4s"));
  SimUpstream& upstream = course.world().upstream();
  upstream.set_mood({.error = 1, .latency_min = 7s, .latency_max = 7s});
  course.world().client({.id = "late", .target = "/optimize", .body = "image"});
  course.world().run_for(100ms);
  upstream.set_mood({.error = 1});
  for (int i = 0; i < 5; ++i) course.upload();
  CHECK(course.state() == policy::BreakerState::open);
  upstream.set_mood({.latency_min = 5s, .latency_max = 5s});
  course.world().run_for(5s);  // due after four seconds: a queued job is the probe, and takes its time
  CHECK(course.state() == policy::BreakerState::half_open);
  course.world().run_for(3s);  // the late failure has come
  CHECK(course.state() == policy::BreakerState::half_open);
  course.world().run_for(3s);
  CHECK(course.state() == policy::BreakerState::closed);
}

TEST_CASE("an OPTIONS that may go no further is answered here") {
  Course course(replaced(shipped_config(), "methods: [POST]", "methods: [POST, OPTIONS]"));
  net::SimRuntime& runtime = course.world().runtime();
  std::optional<Result<http::FetchResponse>> answer;
  http::FetchRequest request;
  request.method = "OPTIONS";
  request.host = course.world().config().listeners[0].address.to_string();
  request.target = "/optimize";
  request.fields = {{"Max-Forwards", "0"}};
  const auto fetching =
      http::fetch(runtime, request, [&](Result<http::FetchResponse> result) { answer = std::move(result); });
  course.world().run_for(1s);
  REQUIRE((answer && answer->ok()));
  CHECK((*answer)->status == 204);
  CHECK(course.world().upstream().seen() == 0);
}

TEST_CASE("a full queue answers 503 queue_full with Retry-After, and stores nothing") {
  World world({.seed = 1}, replaced(shipped_config(), "max_jobs: 100000", "max_jobs: 2"));
  world.upstream().stop();
  std::vector<const SimClient*> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(&world.client({.id = "f" + std::to_string(i), .target = "/optimize", .body = "x"}));
    world.run_for(1s);
  }
  CHECK(status(*clients[0]) == 202);
  CHECK(status(*clients[1]) == 202);
  for (int i = 2; i < 5; ++i) {
    REQUIRE(status(*clients[i]) == 503);
    CHECK(nlohmann::json::parse(clients[i]->result()->body)["reason"] == "queue_full");
    CHECK(clients[i]->result()->field("retry-after") != "");
  }
  CHECK(world.store().all().size() == 2);
}

}  // namespace tidegate::sim
