#include "api/settings.h"

#include <doctest/doctest.h>

#include <map>

namespace tidegate::api::test {

namespace {

using Values = std::map<std::string, std::string>;

Result<Settings> read(const Values& values) {
  return read_settings([&](const char* name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  });
}

}  // namespace

TEST_CASE("without an environment the defaults hold") {
  const auto settings = read({});
  REQUIRE(settings.ok());
  CHECK(settings->listen.to_string() == "127.0.0.1:8080");
  CHECK(settings->optimizer.host == "127.0.0.1:8081");
  CHECK(settings->optimizer.target.empty());
  CHECK(settings->state_dir == "./var/api");
  CHECK(settings->max_upload == 32u << 20);
}

TEST_CASE("the environment says otherwise") {
  const auto settings = read({{"LISTEN", "[::1]:80"},
                              {"OPTIMIZER_URL", "http://gate:81/marks/"},
                              {"STATE_DIR", "/s"},
                              {"MAX_UPLOAD", "5MiB"},
                              {"REDIS_URL", ""}});
  REQUIRE(settings.ok());
  CHECK(settings->listen.to_string() == "[::1]:80");
  CHECK(settings->optimizer.host == "gate:81");
  CHECK(settings->optimizer.target == "/marks");
  CHECK(settings->state_dir == "/s");
  CHECK(settings->max_upload == 5u << 20);
}

TEST_CASE("a wrong value is refused by its name") {
  const std::pair<const char*, const char*> wrong[] = {
      {"LISTEN", "8080"},
      {"LISTEN", "localhost:80"},
      {"OPTIMIZER_URL", "https://a"},
      {"OPTIMIZER_URL", "gate:1"},
      {"OPTIMIZER_URL", "http://a/?b=c"},
      {"MAX_UPLOAD", "32"},
      {"MAX_UPLOAD", "32MB"},
      {"MAX_UPLOAD", "-1MiB"},
      {"MAX_UPLOAD", "1B"},
      {"MAX_UPLOAD", "2GiB"},
      {"REDIS_URL", "redis://a"},
      {"S3_ENDPOINT", "http://a"},
  };
  for (const auto& [name, value] : wrong) {
    CAPTURE(name);
    CAPTURE(value);
    const auto settings = read({{name, value}});
    REQUIRE_FALSE(settings.ok());
    CHECK(settings.error().message.starts_with(name));
  }
}

TEST_CASE("a password in a value is not repeated") {
  CHECK(read({{"REDIS_URL", "redis://:secret@a"}}).error().message.find("secret") == std::string::npos);
}

TEST_CASE("a size has a whole number and a unit") {
  CHECK(parse_size("1B") == 1);
  CHECK(parse_size("3KiB") == 3072);
  CHECK(parse_size("2GiB") == 2ull << 30);
  for (const char* text :
       {"", "MiB", "1", "1 MiB", "1mib", "1.5MiB", "+1MiB", "1MiBs", "99999999999GiB", "99999999999999999999B"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

}  // namespace tidegate::api::test
