// /ready: each dependency by its name, and never later than the slowest may take.
#include "api/ready_check.h"

#include <filesystem>

#include "base/log.h"
#include "unit/api/rig.h"

namespace tidegate::api::test {

namespace {

// Redis and S3 by name; what stands behind them is the tests' own.
struct ReadyRig : Rig {
  ReadyRig() {
    settings().redis.emplace();
    settings().s3.emplace();
    restart();
    tidegate->answer = [](const auto&) { return ScriptedTidegate::Answer{404, "", "", ""}; };
  }
  http::FetchResponse not_ready() {
    auto answer = get("/ready");
    CHECK(answer.status == 503);
    CHECK(answer.field("Retry-After") == "2");
    CHECK(value_of(answer, "status") == "not ready");
    return answer;
  }
};

}  // namespace

TEST_CASE("ready is when every dependency answers, Tidegate whatever it likes") {
  ReadyRig rig;
  const auto ready = rig.get("/ready");
  CHECK(ready.status == 200);
  CHECK(ready.body == R"({"status":"ready"})");
}

TEST_CASE("where Tidegate's admin interface is known, its health is asked for, not a path of the listener's") {
  ReadyRig rig;
  rig.settings().admin = *http::parse_http_url(rig.tidegate->url() + "/admin");
  rig.restart();
  rig.tidegate->seen.clear();
  CHECK(rig.get("/ready").status == 200);
  REQUIRE_FALSE(rig.tidegate->seen.empty());
  for (const auto& seen : rig.tidegate->seen) CHECK(seen.target == "/admin/health");
}

TEST_CASE("what is away is named") {
  ReadyRig rig;
  rig.cache->mood = Mood::away;
  CHECK(value_of(rig.not_ready(), "failed") == R"({"redis":"unavailable"})");
  rig.store->mood = Mood::away;
  rig.tidegate.reset();
  CHECK(value_of(rig.not_ready(), "failed") ==
        R"({"object store":"unavailable","redis":"unavailable","tidegate":"refused"})");
}

TEST_CASE("one that hangs does not keep the others from being named") {
  ReadyRig rig;
  rig.cache->mood = Mood::silent;
  rig.store->mood = Mood::away;
  CHECK(value_of(rig.not_ready(), "failed") == R"({"object store":"unavailable","redis":"no answer within 1.8 s"})");
  rig.cache->mood = Mood::well;
  rig.store->mood = Mood::silent;
  rig.tidegate->answer = nullptr;
  CHECK(value_of(rig.not_ready(), "failed") ==
        R"({"object store":"no answer within 1.8 s","tidegate":"no answer within 1.8 s"})");
}

TEST_CASE("the log tells once that one is away or hangs, and once that it is back") {
  ReadyRig rig;
  rig.get("/ready");
  std::vector<std::string> log;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("dependency") != std::string_view::npos) log.emplace_back(line);
  });
  for (const Mood mood : {Mood::away, Mood::away, Mood::silent, Mood::silent, Mood::well, Mood::well}) {
    rig.cache->mood = mood;
    rig.get("/ready");
  }
  log_set_sink([](LogLevel, std::string_view) {});
  REQUIRE(log.size() == 3);
  CHECK(log[0].find("unavailable") != std::string::npos);
  CHECK(log[1].find("no answer within 1.8 s") != std::string::npos);
  CHECK(log[2].find("dependency_back") != std::string::npos);
}

TEST_CASE("what is embedded goes by its own name, and a cache in memory by none") {
  Rig rig;
  rig.tidegate->answer = [](const auto&) { return ScriptedTidegate::Answer{404, "", "", ""}; };
  rig.cache->mood = Mood::away;
  CHECK(rig.get("/ready").status == 200);
  std::filesystem::remove_all(rig.state() / "temp");
  const auto answer = rig.get("/ready");
  CHECK(answer.status == 503);
  CHECK(value_of(answer, "failed").starts_with(R"({"directory":")"));
}

TEST_CASE("who asks and goes away is forgotten") {
  ReadyRig rig;
  rig.tidegate->answer = nullptr;
  http::FetchRequest request;
  request.target = "/ready";
  auto call = rig.begin(std::move(request));
  rig.until([&] { return rig.tidegate->held() == 1; });
  call.reset();
  rig.until([&] { return rig.tidegate->held() == 0; });
  CHECK(rig.get("/health").status == 200);
}

}  // namespace tidegate::api::test
