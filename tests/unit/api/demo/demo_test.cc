// The demonstration: only if it is configured, and never for pages of other sites.
#include "api/demo/demo_handlers.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "unit/api/fixture.h"

namespace tidegate::api::test {

namespace {

using Json = nlohmann::json;
using Response = ScriptedTidegate::Response;

// The scripted server plays the optimizer's /fault and Tidegate's admin interface.
struct DemoFixture : Fixture {
  DemoFixture() {
    settings().faults = *http::parse_http_url(tidegate->url() + "/fault");
    settings().admin = *http::parse_http_url(tidegate->url());
    settings().admin->target.clear();
    restart();
    tidegate->respond = [this](const ScriptedTidegate::Seen& seen) -> std::optional<Response> {
      if (seen.target == "/api/status") return Response{200, "application/json", status, ""};
      if (seen.method == "POST") mode = seen.target.substr(seen.target.find('=') + 1);
      return Response{200, "application/json", R"({"mode":")" + mode + "\"}", ""};
    };
  }
  http::FetchResponse switch_to(const std::string& body, std::vector<std::pair<std::string, std::string>> fields = {}) {
    return fetch("POST", "/demo/fault", std::move(fields), body);
  }

  std::string mode = "none";
  std::string status = R"({"breakers":[{"name":"api","state":"closed","reason":null,"next_probe_in_s":null},)"
                       R"({"name":"optimizer","state":"open","reason":"consecutive_failures","next_probe_in_s":12}]})";
};

}  // namespace

TEST_CASE("without FAULT_URL and ADMIN_URL there is no demonstration") {
  Fixture fixture;
  CHECK(fixture.get("/demo").status == 404);
  CHECK(fixture.fetch("POST", "/demo/fault", {}, R"({"mode":"error"})").status == 404);
}

TEST_CASE("the demonstration shows the current fault and the state of the breaker") {
  DemoFixture fixture;
  const auto demo = fixture.get("/demo");
  CHECK(demo.status == 200);
  CHECK(demo.field("Cache-Control") == "no-store");
  CHECK(Json::parse(demo.body) ==
        Json::parse(R"({"faults":true,"mode":"none",)"
                    R"("breaker":{"state":"open","reason":"consecutive_failures","retry_in_s":12}})"));
  CHECK(fixture.fetch("POST", "/demo").status == 405);
}

TEST_CASE("setting a fault is forwarded to the optimizer") {
  DemoFixture fixture;
  for (const char* mode : {"error", "hang", "slow", "down", "none"}) {
    const auto response = fixture.switch_to(R"({"mode":")" + std::string(mode) + "\"}");
    CHECK(response.status == 200);
    CHECK(value_of(response, "mode") == mode);
    CHECK(fixture.mode == mode);
    CHECK(value_of(fixture.get("/demo"), "mode") == mode);
  }
  CHECK(fixture.tidegate->seen[0].target == "/fault?mode=error");
}

TEST_CASE("the log names the client that sets a fault, not the proxy in front") {
  DemoFixture fixture;
  fixture.settings().trusted_proxies = {*Cidr::parse("127.0.0.0/8")};
  fixture.restart();
  std::string log;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("fault_changed") != std::string_view::npos) log = line;
  });
  CHECK(fixture.switch_to(R"({"mode":"error"})", {{"X-Forwarded-For", "192.0.2.7"}}).status == 200);
  log_set_sink([](LogLevel, std::string_view) {});
  CHECK(log.find("192.0.2.7") != std::string::npos);
}

TEST_CASE("an invalid fault is refused and not forwarded") {
  DemoFixture fixture;
  for (const char* body :
       {"", "{", "[]", "\"error\"", R"({"mode":1})", R"({"mode":"explode"})", R"({"mode":"slow&ms=1"})"}) {
    CAPTURE(body);
    CHECK(fixture.switch_to(body).status == 400);
  }
  CHECK(fixture.switch_to(std::string(5000, 'x')).status == 413);
  CHECK(fixture.fetch("GET", "/demo/fault").status == 405);
  CHECK(fixture.tidegate->seen.empty());
}

TEST_CASE("a page of another site cannot set a fault") {
  DemoFixture fixture;
  const std::string body = R"({"mode":"down"})";
  for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1"}) {
    CAPTURE(origin);
    CHECK(fixture.switch_to(body, {{"Origin", origin}}).status == 403);
  }
  CHECK(fixture.tidegate->seen.empty());
  const std::string own = "http://" + fixture.service().address().to_string();
  CHECK(fixture.switch_to(body, {{"Origin", own}}).status == 200);
}

TEST_CASE("an unavailable part of the demonstration is null, and the rest is shown") {
  DemoFixture fixture;
  fixture.status = "no JSON";
  fixture.mode = "?";
  CHECK(fixture.get("/demo").body == R"({"faults":true,"mode":null,"breaker":null})");
  fixture.tidegate.reset();
  CHECK(fixture.get("/demo").body == R"({"faults":true,"mode":null,"breaker":null})");
  CHECK(fixture.switch_to(R"({"mode":"none"})").status == 502);
}

TEST_CASE("with ADMIN_URL alone the breaker is shown, and no fault can be set") {
  DemoFixture fixture;
  fixture.settings().faults.reset();
  fixture.restart();
  const Json demo = Json::parse(fixture.get("/demo").body);
  CHECK(demo.at("faults") == false);
  CHECK(demo.at("mode").is_null());
  CHECK(demo.at("breaker").at("state") == "open");
  CHECK(fixture.switch_to(R"({"mode":"error"})").status == 404);
}

TEST_CASE("the optimizer's breaker is shown, else the first one") {
  CHECK(breaker_json(R"({"breakers":[{"name":"a","state":"closed"},{"name":"b","state":"open"}]})") ==
        R"({"state":"closed","reason":null,"retry_in_s":null})");
  for (const char* status : {"", "[]", "{}", R"({"breakers":[]})", R"({"breakers":[1]})", R"({"breakers":{}})"}) {
    CHECK(breaker_json(status) == "null");
  }
}

}  // namespace tidegate::api::test
