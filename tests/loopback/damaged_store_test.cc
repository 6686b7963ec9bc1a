// A damaged job file: its queue is out of service and says so everywhere; live traffic flows.
#include <algorithm>
#include <fstream>

#include "loopback/own_responses.h"

namespace tidegate::loopback {

namespace {

void overwrite(const Fixture& fixture, const std::string& name) {
  std::filesystem::remove(fixture.folder() / (name + "-wal"));
  std::ofstream(fixture.folder() / name) << "not a database any more";
}

bool said(const Fixture& fixture, const std::string& event, const std::string& file) {
  return std::any_of(fixture.log.begin(), fixture.log.end(), [&](const std::string& line) {
    return line.find('"' + event + '"') != line.npos && line.find(file) != line.npos;
  });
}

double unavailable(Fixture& fixture, const std::string& queue) {
  return fixture.metric("tidegate_queue_store_unavailable", {"queue=\"" + queue + '"', "reason=\"store_damaged\""});
}

}  // namespace

TEST_CASE("a damaged job file disables its queue, and live traffic flows") {
  Fixture fixture;
  REQUIRE(fixture.ask(post("/job", "before")).status == 202);
  CHECK(fixture.admin("/ready").status == 200);
  CHECK(unavailable(fixture, "jobs") == 0);
  overwrite(fixture, "jobs.db");
  fixture.restart();
  for (int i = 0; i < 20; ++i) CHECK(fixture.ask(get("/plain")).status == 200);
  const Reply refused = fixture.ask(post("/job", "meanwhile"));
  CHECK(refused.status == 503);
  CHECK(refused.json().at("reason") == "queue_unavailable");
  CHECK(refused.json().at("detail").get<std::string>().ends_with(" Reason: store_damaged."));
  const Reply ready = fixture.admin("/ready");
  CHECK(ready.status == 503);
  const std::string why = ready.json().at("failed").at("queue jobs");
  CHECK(why.starts_with("store_damaged: "));
  CHECK(why.find((fixture.folder() / "jobs.db").string()) != why.npos);
  CHECK(why.find("salvage") != why.npos);
  CHECK(said(fixture, "store_damaged", "jobs.db"));
  CHECK(unavailable(fixture, "jobs") == 1);
  CHECK(fixture.metric("tidegate_dependency_up", {"dependency=\"queue:jobs\""}) == 0);
  CHECK(fixture.metric("tidegate_queue_refusals_total", {"reason=\"store_damaged\""}) == 1);

  std::filesystem::remove(fixture.folder() / "jobs.db");
  fixture.until("a new file", [&] { return fixture.queue().view().available; });
  CHECK(fixture.ask(post("/job", "after")).status == 202);
  CHECK(fixture.admin("/ready").status == 200);
}

TEST_CASE("a damaged file of callbacks is a warning: jobs are taken all the same") {
  Fixture fixture(test::ConfigBuilder()
                      .upstream("dead", R"(endpoints: ["http://127.0.0.1:1"])")
                      .queue("jobs", R"(url: "sqlite://{DIR}/jobs.db")")
                      .route("job", R"(match: {path: /job*}, upstream: dead, fallback: {enqueue: {queue: jobs,
                             callback: {url: "http://127.0.0.1:1/", secret: "a secret of the test"}}})"));
  overwrite(fixture, "jobs.db.callbacks.db");
  fixture.restart();
  CHECK(fixture.ask(post("/job", "x")).status == 202);
  const Reply ready = fixture.admin("/ready");
  CHECK(ready.status == 200);
  CHECK(ready.json().at("status") == "ready");
  CHECK(ready.json().at("warnings").at("callbacks of queue jobs").get<std::string>().starts_with("store_damaged: "));
  CHECK(unavailable(fixture, "jobs.callbacks") == 1);
  CHECK(said(fixture, "store_damaged", "jobs.db.callbacks.db"));
}

}  // namespace tidegate::loopback
