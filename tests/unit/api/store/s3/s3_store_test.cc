// The S3 store with a real server that is killed, paused and restarted.
#include "api/store/s3/s3_store.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/log.h"
#include "http/client/fetch.h"
#include "support/minio_server.h"
#include "unit/api/store/s3_settings.h"
#include "unit/api/store/store_client.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::MinioServer;

const std::string kName = "originals/abc";

// Timeouts that are short enough to wait for.
S3StoreOptions impatient() {
  S3StoreOptions options;
  options.put_timeout = options.get_timeout = 1s;
  options.small_timeout = options.check_timeout = 300ms;
  options.bucket = {.timeout = 300ms, .retry = {.base = 10ms, .max = 20ms}};
  return options;
}

struct Fixture {
  explicit Fixture(S3Settings settings, const S3StoreOptions& options = {}) {
    log_set_sink([this](LogLevel, std::string_view line) { log.append(line) += '\n'; });
    auto opened = S3Store::open(runtime, std::move(settings), options);
    REQUIRE(opened.ok());
    store = std::move(*opened);
    client.emplace(runtime, *store);
  }
  ~Fixture() { log_set_sink({}); }

  void until(const std::function<bool()>& condition) {
    while (!condition()) runtime.run_once();
  }
  void ready() {
    until([&] { return store->has_bucket(); });
  }
  bool logged(const std::string& what) const { return log.find(what) != std::string::npos; }

  std::string log;
  net::UvRuntime runtime;
  std::unique_ptr<S3Store> store;
  std::optional<StoreClient> client;
};

// A store on the shared server whose bucket, a new one, exists.
struct ReadyFixture : Fixture {
  explicit ReadyFixture(const S3StoreOptions& options = {}) : ReadyFixture(new_bucket_settings(), options) {}
  ReadyFixture(const S3Settings& with, const S3StoreOptions& options) : Fixture(with, options), settings(with) {
    ready();
  }

  // A request past the store.
  Result<HttpReply> send(S3Call request) {
    S3Client other(runtime, settings, {});
    std::optional<Result<HttpReply>> result;
    const auto operation = other.call(std::move(request), [&](Result<HttpReply> reply) { result = std::move(reply); });
    until([&] { return result.has_value(); });
    return std::move(*result);
  }

  const S3Settings settings;
  MinioServer& server = MinioServer::shared();
};

http::FetchResponse fetch(net::UvRuntime& runtime, const std::string& url) {
  const auto parsed = http::parse_http_url(url);
  REQUIRE(parsed.ok());
  http::FetchRequest request;
  request.host = parsed->host;
  request.target = parsed->target;
  std::optional<Result<http::FetchResponse>> result;
  const auto operation = http::fetch(runtime, std::move(request),
                                     [&](Result<http::FetchResponse> response) { result = std::move(response); });
  while (!result) runtime.run_once();
  REQUIRE(result->ok());
  return std::move(**result);
}

}  // namespace

TEST_CASE("a missing bucket is created, and an existing one is found") {
  NEEDS_MINIO();
  const S3Settings settings = new_bucket_settings();
  for (const char* how : {"bucket_created", "bucket_found"}) {
    Fixture fixture(settings);
    CHECK_FALSE(fixture.store->has_bucket());
    fixture.ready();
    CHECK(fixture.logged(how));
    CHECK(fixture.client->check().ok());
  }
}

TEST_CASE("a presigned URL gives access to its object only, and only while it is valid") {
  NEEDS_MINIO();
  ReadyFixture fixture;
  REQUIRE(fixture.client->put(kName, object("the original", "image/jpeg")).ok());
  const std::string url = *fixture.store->presigned_url(kName, 25h);
  const auto given = fetch(fixture.runtime, url);
  CHECK(given.status == 200);
  CHECK(given.body == "the original");
  CHECK(given.field("Content-Type") == "image/jpeg");
  CHECK(fetch(fixture.runtime, url.substr(0, url.find('?'))).status == 403);
  std::string other = url;
  other.replace(other.find("abc?"), 4, "abd?");
  CHECK(fetch(fixture.runtime, other).status == 403);
  CHECK(fetch(fixture.runtime, *fixture.store->presigned_url("originals/none", 1min)).status == 404);
}

TEST_CASE("a service that starts before its store creates the bucket once the store responds") {
  NEEDS_MINIO();
  const S3Settings settings = new_bucket_settings();  // starts the server
  MinioServer& server = MinioServer::shared();
  server.kill();
  Fixture fixture(settings, impatient());
  fixture.until([&] { return fixture.logged("store_unavailable"); });
  CHECK(fixture.client->check().error().code == ErrorCode::unavailable);
  CHECK(fixture.client->put(kName, object("x")).error().code == ErrorCode::unavailable);
  server.start();
  fixture.ready();
  CHECK(fixture.logged("store_recovered"));
  CHECK(fixture.client->put(kName, object("x")).ok());
}

TEST_CASE("a deleted bucket is an error, and is created again") {
  NEEDS_MINIO();
  ReadyFixture fixture;
  std::filesystem::remove_all(fixture.server.data() + "/" + fixture.settings.bucket);
  const auto lost = fixture.client->get(kName);
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().code == ErrorCode::unavailable);
  CHECK(lost.error().message.find("NoSuchBucket") != std::string::npos);
  fixture.ready();
  CHECK(fixture.client->put(kName, object("x")).ok());
}

TEST_CASE("wrong keys are reported with the server's code, and never shown") {
  NEEDS_MINIO();
  S3Settings settings = new_bucket_settings();
  {
    Fixture other(settings);
    other.ready();
  }
  settings.secret_key = "wrong-and-secret";
  Fixture fixture(settings, impatient());
  for (const Status& status : {fixture.client->put(kName, object("x")), Status(fixture.client->get(kName).error())}) {
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::unavailable);
    CHECK_MESSAGE(status.error().message.find("403 SignatureDoesNotMatch") != std::string::npos,
                  status.error().message);
  }
  CHECK_FALSE(fixture.client->check().ok());
  fixture.until([&] { return fixture.logged("store_unavailable"); });
  CHECK_FALSE(fixture.logged("wrong-and-secret"));
}

TEST_CASE("a server killed during an upload leaves nothing, and is used again after it recovers") {
  NEEDS_MINIO();
  ReadyFixture fixture;
  REQUIRE(fixture.client->put("originals/before", object("kept")).ok());
  fixture.server.pause();  // so that the upload cannot finish
  std::optional<Status> put;
  const auto operation =
      fixture.store->put(kName, object(much(32 << 20)), [&](Status status) { put = std::move(status); });
  std::optional<Status> checked;
  const auto check = fixture.store->check([&](Status status) { checked = std::move(status); });
  fixture.until([&] { return checked.has_value(); });
  CHECK(checked->error().code == ErrorCode::timeout);
  CHECK_FALSE(put.has_value());
  fixture.server.kill();
  fixture.until([&] { return put.has_value(); });
  REQUIRE_FALSE(put->ok());
  CHECK(put->error().code == ErrorCode::unavailable);
  CHECK(fixture.client->get(kName).error().code == ErrorCode::unavailable);
  fixture.server.start();
  CHECK(fixture.client->get(kName).error().code == ErrorCode::not_found);
  CHECK((*fixture.client->get("originals/before"))->bytes == "kept");
  CHECK(fixture.client->put(kName, object("whole")).ok());
}

TEST_CASE("a silent server costs no more than the timeout") {
  NEEDS_MINIO();
  ReadyFixture fixture(impatient());
  fixture.server.pause();
  CHECK(fixture.client->put(kName, object("x")).error().code == ErrorCode::timeout);
  CHECK(fixture.client->get(kName).error().code == ErrorCode::timeout);
  CHECK(fixture.client->exists(kName).error().code == ErrorCode::timeout);
  CHECK(fixture.client->remove(kName).error().code == ErrorCode::timeout);
  CHECK(fixture.client->check().error().code == ErrorCode::timeout);
  fixture.server.resume();
  CHECK(fixture.client->put(kName, object("x")).ok());
}

TEST_CASE("a cancelled upload leaves no object") {
  NEEDS_MINIO();
  ReadyFixture fixture(impatient());
  fixture.server.pause();
  auto put = fixture.store->put(kName, object(much(32 << 20)), [](const Status&) { FAIL("called back"); });
  fixture.until([&] { return fixture.store->transfers() == 1; });
  CHECK_FALSE(fixture.client->check().ok());  // in the meantime the kernel buffers what it can
  put.reset();
  CHECK(fixture.store->transfers() == 0);
  fixture.server.resume();
  for (int i = 0; i < 3; ++i) CHECK_FALSE(*fixture.client->exists(kName));
  CHECK(fixture.client->get(kName).error().code == ErrorCode::not_found);
}

TEST_CASE("operations above the queue limit are refused, checks have their own slots, and queued ones are done") {
  NEEDS_MINIO();
  S3StoreOptions options;
  options.limits.transfers_max = 2;
  options.limits.waiting_max = 3;
  ReadyFixture fixture(options);
  REQUIRE(fixture.client->put(kName, object("x")).ok());
  fixture.server.pause();
  int found = 0, refused = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < 7; ++i) {
    operations.push_back(fixture.store->get(kName, [&](const Result<ObjectPtr>& result) {
      if (result) {
        ++found;
      } else {
        CHECK(result.error().code == ErrorCode::exhausted);
        ++refused;
      }
    }));
  }
  fixture.until([&] { return refused == 2; });
  fixture.server.resume();
  CHECK(fixture.client->check().ok());
  fixture.until([&] { return found == 5; });
}

TEST_CASE("an object that was damaged in the store is detected") {
  NEEDS_MINIO();
  ReadyFixture fixture;
  const ObjectPtr damaged = object("damaged");
  S3Call call{.method = "PUT", .name = kName, .timeout = 5s, .body = damaged};
  call.payload_sha256 = sha256_hex("damaged");
  call.fields = {{"x-amz-meta-crc32c", "00000000"}};
  REQUIRE(fixture.send(std::move(call)).ok());
  CHECK(fixture.client->get(kName).error().code == ErrorCode::invalid);
}

TEST_CASE("an upload that is damaged on the way is rejected by the server") {
  NEEDS_MINIO();
  ReadyFixture fixture;
  S3Call call{.method = "PUT", .name = kName, .timeout = 5s, .body = object("what arrives")};
  call.payload_sha256 = sha256_hex("what was sent");
  const auto reply = fixture.send(std::move(call));
  REQUIRE_FALSE(reply.ok());
  CHECK(reply.error().message.find("XAmzContentSHA256Mismatch") != std::string::npos);
  CHECK_FALSE(*fixture.client->exists(kName));
}

TEST_CASE("an object above the limit is not read into memory") {
  NEEDS_MINIO();
  S3StoreOptions options;
  options.object_bytes_max = 1000;
  ReadyFixture fixture(options);
  REQUIRE(fixture.client->put("results/fits", object(much(1000))).ok());
  REQUIRE(fixture.client->put("results/more", object(much(1001))).ok());
  CHECK(fixture.client->get("results/fits").ok());
  CHECK(fixture.client->get("results/more").error().code == ErrorCode::exhausted);
}

TEST_CASE("a name that does not resolve is an error at once") {
  Fixture fixture({"http://tidegate-tests.invalid:9000", "pictures", "us-east-1", "k", "s"}, impatient());
  CHECK_FALSE(fixture.client->check().ok());
  CHECK_FALSE(fixture.client->put(kName, object("x")).ok());
}

}  // namespace tidegate::api::test
