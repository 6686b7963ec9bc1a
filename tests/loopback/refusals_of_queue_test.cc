// A queue that refuses a job says why: the same word in the response, the log and the metric.
#include <algorithm>

#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

// The lines of that event.
std::vector<nlohmann::json> lines_of(const Fixture& fixture, const std::string& event) {
  std::vector<nlohmann::json> found;
  for (const std::string& line : fixture.log) {
    auto json = nlohmann::json::parse(line);
    if (json.at("event") == event) found.push_back(std::move(json));
  }
  return found;
}

void check_refusal(Fixture& fixture, const Reply& reply, const std::string& outcome, const std::string& word) {
  check_own_response(fixture, reply, {503, outcome, "job", "POST", true});
  CHECK(reply.json().at("detail").get<std::string>().ends_with(" Reason: " + word + "."));
  CHECK(fixture.logged(outcome)[0].at("reason").get<std::string>().starts_with(word));
  const auto lines = lines_of(fixture, "queue_refuses_jobs");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].at("queue") == "jobs");
  CHECK(lines[0].at("reason") == word);
  CHECK(lines[0].at("refused") == 1);
  CHECK(fixture.metric("tidegate_queue_refusals_total", {"queue=\"jobs\"", "reason=\"" + word + '"'}) == 1);
  CHECK(fixture.metric("tidegate_queue_refusals_total") == 1);
}

// What /ready, which stays 200, says of the queue.
std::string warning(Fixture& fixture) {
  const Reply ready = fixture.admin("/ready");
  CHECK(ready.status == 200);
  return ready.json().value("warnings", nlohmann::json::object()).value("queue jobs", "");
}

}  // namespace

TEST_CASE("a queue whose volume is nearly full says so at the start, and is full for min_free_disk") {
  Fixture fixture(usual_config().queue("jobs", R"(url: "sqlite://{DIR}/jobs.db", min_free_disk: 1024TiB)"));
  const auto warned = lines_of(fixture, "disk_nearly_full");
  REQUIRE(warned.size() == 1);
  CHECK(warned[0].at("store").get<std::string>().ends_with("/jobs.db"));
  CHECK(warned[0].at("min_free_disk_bytes") == int64_t{1} << 50);
  check_refusal(fixture, fixture.ask(post("/job", "x")), "queue_full", "min_free_disk");
  CHECK(warning(fixture).starts_with("it takes no jobs: min_free_disk reached: "));
}

TEST_CASE("with min_free_disk 0B the volume may be used up") {
  Fixture fixture(usual_config().queue("jobs", R"(url: "sqlite://{DIR}/jobs.db", min_free_disk: 0B)"));
  CHECK(lines_of(fixture, "disk_nearly_full").empty());
  CHECK(fixture.ask(post("/job", "x")).status == 202);
}

TEST_CASE("a queue at max_jobs, or at max_bytes, names it") {
  Fixture jobs(usual_config().queue("jobs", R"(url: "sqlite://{DIR}/jobs.db", max_jobs: 1)"));
  CHECK(warning(jobs).empty());
  REQUIRE(jobs.ask(post("/job", "x")).status == 202);
  check_refusal(jobs, jobs.ask(post("/job", "x")), "queue_full", "max_jobs");
  CHECK(warning(jobs) == "it takes no jobs: max_jobs reached");
  Fixture bytes(usual_config().queue("jobs", R"(url: "sqlite://{DIR}/jobs.db", max_bytes: 32KiB)"));
  REQUIRE(bytes.ask(post("/job", std::string(20'000, 'x'))).status == 202);
  check_refusal(bytes, bytes.ask(post("/job", std::string(20'000, 'x'))), "queue_full", "max_bytes");
}

TEST_CASE("a queue whose store takes nothing names that") {
  Fixture fixture;
  fixture.close_queue();
  check_refusal(fixture, fixture.ask(post("/job", "x")), "queue_unavailable", "store_unavailable");
}

TEST_CASE("a queue that refuses everything fills no log: one line a reason and minute, with their number") {
  Fixture fixture(usual_config().queue("jobs", R"(url: "sqlite://{DIR}/jobs.db", max_jobs: 1)"));
  REQUIRE(fixture.ask(post("/job", "x")).status == 202);
  for (int i = 0; i < 5; ++i) CHECK(fixture.ask(post("/job", "x")).status == 503);
  CHECK(lines_of(fixture, "queue_refuses_jobs").size() == 1);
  CHECK(fixture.metric("tidegate_queue_refusals_total", {"reason=\"max_jobs\""}) == 5);
}

}  // namespace tidegate::loopback
