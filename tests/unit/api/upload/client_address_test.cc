// The client address of an upload: it is logged, and forwarded to Tidegate for its limits per client.
#include <algorithm>

#include "base/log.h"
#include "unit/api/fixture.h"

namespace tidegate::api::test {

TEST_CASE("the client address comes from trusted proxies only") {
  struct Case {
    const char* trusted;
    const char* forwarded;
    const char* client;
  };
  for (const auto& [trusted, forwarded, client] :
       {Case{"", "203.0.113.9", "127.0.0.1"}, Case{"127.0.0.0/8", "203.0.113.9", "203.0.113.9"},
        Case{"127.0.0.0/8", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
        Case{"127.0.0.0/8", "not an address", "127.0.0.1"}, Case{"10.0.0.0/8", "203.0.113.9", "127.0.0.1"}}) {
    CAPTURE(forwarded);
    Fixture fixture;
    fixture.tidegate->respond = [](const auto&) {
      return ScriptedTidegate::Response{200, "image/png", marked_png(), ""};
    };
    if (*trusted) fixture.settings().trusted_proxies = {*Cidr::parse(trusted)};
    fixture.restart();
    std::vector<std::string> log;
    log_set_sink([&](LogLevel, std::string_view line) { log.emplace_back(line); });
    CHECK(fixture.await(*fixture.begin_upload(Fixture::form("NWS"), {{"X-Forwarded-For", forwarded}})).status == 200);
    CHECK(fixture.tidegate->seen[0].fields["X-Forwarded-For"] == client);
    const bool logged = std::any_of(log.begin(), log.end(), [&](const std::string& line) {
      return line.find("upload") != line.npos && line.find(client) != line.npos;
    });
    CHECK(logged);
    log_set_sink([](LogLevel, std::string_view) {});
  }
}

}  // namespace tidegate::api::test
