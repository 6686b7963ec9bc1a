// The demonstration's switch: there only when asked for, and never for pages of other sites.
#include "api/demo/demo_handlers.h"

#include <nlohmann/json.hpp>

#include "base/log.h"
#include "unit/api/rig.h"

namespace tidegate::api::test {

namespace {

using Json = nlohmann::json;
using Answer = ScriptedTidegate::Answer;

// The scripted server stands in for the optimizer's switch and for Tidegate's admin interface.
struct DemoRig : Rig {
  DemoRig() {
    settings().faults = *http::parse_http_url(tidegate->url() + "/fault");
    settings().admin = *http::parse_http_url(tidegate->url());
    settings().admin->target.clear();
    restart();
    tidegate->answer = [this](const ScriptedTidegate::Seen& seen) -> std::optional<Answer> {
      if (seen.target == "/api/status") return Answer{200, "application/json", status, ""};
      if (seen.method == "POST") mode = seen.target.substr(seen.target.find('=') + 1);
      return Answer{200, "application/json", R"({"mode":")" + mode + "\"}", ""};
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

TEST_CASE("without a switch in the settings there is no demonstration") {
  Rig rig;
  CHECK(rig.get("/demo").status == 404);
  CHECK(rig.fetch("POST", "/demo/fault", {}, R"({"mode":"error"})").status == 404);
}

TEST_CASE("the demonstration tells the present fault and what the breaker makes of it") {
  DemoRig rig;
  const auto demo = rig.get("/demo");
  CHECK(demo.status == 200);
  CHECK(demo.field("Cache-Control") == "no-store");
  CHECK(Json::parse(demo.body) ==
        Json::parse(R"({"faults":true,"mode":"none",)"
                    R"("breaker":{"state":"open","reason":"consecutive_failures","retry_in_s":12}})"));
  CHECK(rig.fetch("POST", "/demo").status == 405);
}

TEST_CASE("the switch goes on to the optimizer") {
  DemoRig rig;
  for (const char* mode : {"error", "hang", "slow", "down", "none"}) {
    const auto answer = rig.switch_to(R"({"mode":")" + std::string(mode) + "\"}");
    CHECK(answer.status == 200);
    CHECK(value_of(answer, "mode") == mode);
    CHECK(rig.mode == mode);
    CHECK(value_of(rig.get("/demo"), "mode") == mode);
  }
  CHECK(rig.tidegate->seen[0].target == "/fault?mode=error");
}

TEST_CASE("the log names the client who switches, not the proxy before us") {
  DemoRig rig;
  rig.settings().trusted_proxies = {*Cidr::parse("127.0.0.0/8")};
  rig.restart();
  std::string log;
  log_set_sink([&](LogLevel, std::string_view line) {
    if (line.find("fault_switched") != std::string_view::npos) log = line;
  });
  CHECK(rig.switch_to(R"({"mode":"error"})", {{"X-Forwarded-For", "192.0.2.7"}}).status == 200);
  log_set_sink([](LogLevel, std::string_view) {});
  CHECK(log.find("192.0.2.7") != std::string::npos);
}

TEST_CASE("what is no fault is refused, and the optimizer hears nothing") {
  DemoRig rig;
  for (const char* body :
       {"", "{", "[]", "\"error\"", R"({"mode":1})", R"({"mode":"explode"})", R"({"mode":"slow&ms=1"})"}) {
    CAPTURE(body);
    CHECK(rig.switch_to(body).status == 400);
  }
  CHECK(rig.switch_to(std::string(5000, 'x')).status == 413);
  CHECK(rig.fetch("GET", "/demo/fault").status == 405);
  CHECK(rig.tidegate->seen.empty());
}

TEST_CASE("a page of another site cannot switch anything") {
  DemoRig rig;
  const std::string body = R"({"mode":"down"})";
  for (const char* origin : {"http://evil.example", "null", "https://127.0.0.1"}) {
    CAPTURE(origin);
    CHECK(rig.switch_to(body, {{"Origin", origin}}).status == 403);
  }
  CHECK(rig.tidegate->seen.empty());
  const std::string own = "http://" + rig.service().address().to_string();
  CHECK(rig.switch_to(body, {{"Origin", own}}).status == 200);
}

TEST_CASE("what cannot be asked is null, and the rest is told") {
  DemoRig rig;
  rig.status = "no JSON";
  rig.mode = "?";
  CHECK(rig.get("/demo").body == R"({"faults":true,"mode":null,"breaker":null})");
  rig.tidegate.reset();
  CHECK(rig.get("/demo").body == R"({"faults":true,"mode":null,"breaker":null})");
  CHECK(rig.switch_to(R"({"mode":"none"})").status == 502);
}

TEST_CASE("with the admin interface alone the breaker is shown, and nothing can be switched") {
  DemoRig rig;
  rig.settings().faults.reset();
  rig.restart();
  const Json demo = Json::parse(rig.get("/demo").body);
  CHECK(demo.at("faults") == false);
  CHECK(demo.at("mode").is_null());
  CHECK(demo.at("breaker").at("state") == "open");
  CHECK(rig.switch_to(R"({"mode":"error"})").status == 404);
}

TEST_CASE("of several breakers the optimizer's is shown, else the first") {
  CHECK(breaker_json(R"({"breakers":[{"name":"a","state":"closed"},{"name":"b","state":"open"}]})") ==
        R"({"state":"closed","reason":null,"retry_in_s":null})");
  for (const char* status : {"", "[]", "{}", R"({"breakers":[]})", R"({"breakers":[1]})", R"({"breakers":{}})"}) {
    CHECK(breaker_json(status) == "null");
  }
}

}  // namespace tidegate::api::test
