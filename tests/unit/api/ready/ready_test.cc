// /ready: names each unavailable dependency, within the time limit.
#include "api/ready/ready_check.h"

#include <filesystem>

#include "base/log.h"
#include "unit/api/fixture.h"

namespace tidegate::api::test {

namespace {

// Settings with Redis and S3; the stores behind them are those of the tests.
struct ReadyFixture : Fixture {
  ReadyFixture() {
    settings().redis.emplace();
    settings().s3.emplace();
    restart();
    tidegate->respond = [](const auto&) { return ScriptedTidegate::Response{404, "", "", ""}; };
  }
  http::FetchResponse not_ready() {
    auto response = get("/ready");
    CHECK(response.status == 503);
    CHECK(response.field("Retry-After") == "2");
    CHECK(value_of(response, "status") == "not ready");
    return response;
  }
};

}  // namespace

TEST_CASE("the service is ready if every dependency responds, Tidegate with any status") {
  ReadyFixture fixture;
  const auto ready = fixture.get("/ready");
  CHECK(ready.status == 200);
  CHECK(ready.body == R"({"status":"ready"})");
}

TEST_CASE("with an admin URL, Tidegate is checked by /health of its admin interface") {
  ReadyFixture fixture;
  fixture.settings().admin = *http::parse_http_url(fixture.tidegate->url() + "/admin");
  fixture.restart();
  fixture.tidegate->seen.clear();
  CHECK(fixture.get("/ready").status == 200);
  REQUIRE_FALSE(fixture.tidegate->seen.empty());
  for (const auto& seen : fixture.tidegate->seen) CHECK(seen.target == "/admin/health");
}

TEST_CASE("an unavailable dependency is named") {
  ReadyFixture fixture;
  fixture.cache->mood = Mood::unavailable;
  CHECK(value_of(fixture.not_ready(), "failed") == R"({"redis":"unavailable"})");
  fixture.store->mood = Mood::unavailable;
  fixture.tidegate.reset();
  CHECK(value_of(fixture.not_ready(), "failed") ==
        R"({"object store":"unavailable","redis":"unavailable","tidegate":"refused"})");
}

TEST_CASE("a hanging dependency does not hide the others") {
  ReadyFixture fixture;
  fixture.cache->mood = Mood::silent;
  fixture.store->mood = Mood::unavailable;
  CHECK(value_of(fixture.not_ready(), "failed") ==
        R"({"object store":"unavailable","redis":"no response within 1.8 s"})");
  fixture.cache->mood = Mood::available;
  fixture.store->mood = Mood::silent;
  fixture.tidegate->respond = nullptr;
  CHECK(value_of(fixture.not_ready(), "failed") ==
        R"({"object store":"no response within 1.8 s","tidegate":"no response within 1.8 s"})");
}

TEST_CASE("an unavailable, hanging or recovered dependency is logged once") {
  ReadyFixture fixture;
  fixture.get("/ready");
  std::vector<std::string> log;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("dependency") != std::string_view::npos) log.emplace_back(line);
  });
  for (const Mood mood :
       {Mood::unavailable, Mood::unavailable, Mood::silent, Mood::silent, Mood::available, Mood::available}) {
    fixture.cache->mood = mood;
    fixture.get("/ready");
  }
  log_set_sink([](LogLevel, std::string_view) {});
  REQUIRE(log.size() == 3);
  CHECK(log[0].find("unavailable") != std::string::npos);
  CHECK(log[1].find("no response within 1.8 s") != std::string::npos);
  CHECK(log[2].find("dependency_recovered") != std::string::npos);
}

TEST_CASE("the directory is checked by its own name, and a cache in memory is not checked") {
  Fixture fixture;
  fixture.tidegate->respond = [](const auto&) { return ScriptedTidegate::Response{404, "", "", ""}; };
  fixture.cache->mood = Mood::unavailable;
  CHECK(fixture.get("/ready").status == 200);
  std::filesystem::remove_all(fixture.state() / "temp");
  const auto response = fixture.get("/ready");
  CHECK(response.status == 503);
  CHECK(value_of(response, "failed").starts_with(R"({"directory":")"));
}

TEST_CASE("a client that disconnects cancels its check") {
  ReadyFixture fixture;
  fixture.tidegate->respond = nullptr;
  http::FetchRequest request;
  request.target = "/ready";
  auto call = fixture.begin(std::move(request));
  fixture.until([&] { return fixture.tidegate->held() == 1; });
  call.reset();
  fixture.until([&] { return fixture.tidegate->held() == 0; });
  CHECK(fixture.get("/health").status == 200);
}

}  // namespace tidegate::api::test
