#include "api/settings.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>

#include "support/certificates.h"
#include "unit/api/scratch_folder.h"

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

TEST_CASE("an empty environment gives the defaults") {
  const auto settings = read({});
  REQUIRE(settings.ok());
  CHECK(settings->listen.to_string() == "127.0.0.1:8080");
  CHECK(settings->optimizer.host == "127.0.0.1:8081");
  CHECK(settings->optimizer.target.empty());
  CHECK(settings->state_dir == "./var/api");
  CHECK(settings->max_upload == 32u << 20);
}

TEST_CASE("variables override the defaults") {
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

TEST_CASE("Redis and S3 may be reached by TLS, with authorities of their own") {
  const std::string ca_file = tidegate::test::Authority::of_program().ca_file();
  const auto settings = read({{"CA_FILE", ca_file},
                              {"REDIS_URL", "rediss://cache"},
                              {"S3_ENDPOINT", "https://store"},
                              {"S3_ACCESS_KEY", "a"},
                              {"S3_SECRET_KEY", "b"}});
  REQUIRE(settings.ok());
  CHECK(settings->ca_file == ca_file);
  REQUIRE(settings->redis->tls);
  CHECK(settings->redis->tls->ca_file == ca_file);
  CHECK(settings->s3->endpoint == "https://store");
  CHECK(read({{"CA_FILE", "/no/such/file"}}).error().message ==
        "CA_FILE: cannot read /no/such/file: No such file or directory");
}

TEST_CASE("an invalid value is reported with the name of its variable") {
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
      {"REDIS_URL", "http://a"},
      {"S3_ENDPOINT", "minio:9000"},
      {"S3_ENDPOINT", "http://a/path"},
      {"PRESIGN_TTL", "1s"},
      {"PRESIGN_TTL", "200h"},
      {"TRUSTED_PROXIES", "127.0.0.0/8,here"},
      {"WEBHOOK_SECRET", "short"},
      {"ADMIN_URL", "tidegate:9901"},
      {"FAULT_URL", "http://a/fault?mode=error"},
  };
  for (const auto& [name, value] : wrong) {
    CAPTURE(name);
    CAPTURE(value);
    const auto settings = read({{name, value}});
    REQUIRE_FALSE(settings.ok());
    CHECK(settings.error().message.starts_with(name));
  }
}

TEST_CASE("an error does not show a password") {
  for (const char* name : {"REDIS_URL", "WEBHOOK_SECRET"}) {
    const auto settings = read({{name, "redis://secret@a"}});
    if (settings) continue;
    CHECK(settings.error().message.find("secret@") == std::string::npos);
  }
  CHECK_FALSE(read({{"REDIS_URL", "redis://secret@a"}}).ok());
}

TEST_CASE("Redis, S3 and the presign time are read from their variables") {
  const auto settings = read({{"REDIS_URL", "redis://:word@cache:6380/2"},
                              {"S3_ENDPOINT", "https://objects:9000/"},
                              {"S3_ACCESS_KEY", "me"},
                              {"S3_SECRET_KEY", "hush"},
                              {"PRESIGN_TTL", "48h"},
                              {"TRUSTED_PROXIES", "127.0.0.0/8, ::1"},
                              {"WEBHOOK_SECRET", "0123456789abcdef"},
                              {"FAULT_URL", "http://127.0.0.1:3001/fault"}});
  REQUIRE(settings.ok());
  REQUIRE(settings->redis.has_value());
  CHECK(settings->redis->shown() == "redis://cache:6380/2");
  REQUIRE(settings->s3.has_value());
  CHECK(settings->s3->endpoint == "https://objects:9000");
  CHECK(settings->s3->bucket == "watermark");
  CHECK(settings->s3->secret_key == "hush");
  CHECK(settings->presign_ttl == 48h);
  CHECK(settings->trusted_proxies.size() == 2);
  REQUIRE(settings->faults.has_value());
  CHECK(settings->faults->target == "/fault");
}

TEST_CASE("an S3 endpoint requires both of its keys") {
  CHECK_FALSE(read({{"S3_ENDPOINT", "http://a"}}).ok());
  CHECK_FALSE(read({{"S3_ENDPOINT", "http://a"}, {"S3_ACCESS_KEY", "me"}}).ok());
}

TEST_CASE("a secret can be read from a file, without its last line end") {
  const ScratchFolder scratch;
  const std::string path = (scratch.path() / "secret").string();
  std::ofstream(path) << "0123456789abcdef\n";
  const auto settings = read({{"WEBHOOK_SECRET_FILE", path}});
  REQUIRE(settings.ok());
  CHECK(settings->webhook_secret == "0123456789abcdef");
  CHECK_FALSE(read({{"WEBHOOK_SECRET_FILE", path}, {"WEBHOOK_SECRET", "0123456789abcdef"}}).ok());
  CHECK_FALSE(read({{"WEBHOOK_SECRET_FILE", path + "-not"}}).ok());
}

}  // namespace tidegate::api::test
