// The store in S3 on a real server that is killed, paused, restarted, and before one that lies.
#include "api/store/s3_store.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "base/log.h"
#include "http/client/fetch.h"
#include "support/minio_server.h"
#include "unit/api/store/store_asker.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::MinioServer;

const std::string kName = "originals/abc";

// Bounds that a test can wait for, where it does not matter how long they are.
S3StoreOptions impatient() {
  S3StoreOptions options;
  options.put_timeout = options.get_timeout = 1s;
  options.small_timeout = options.check_timeout = 300ms;
  options.bucket = {.timeout = 300ms, .retry = {.base = 10ms, .max = 20ms}};
  return options;
}

struct Rig {
  explicit Rig(S3Settings settings, const S3StoreOptions& options = {}) {
    log_set_sink([this](LogLevel, std::string_view line) { log.append(line) += '\n'; });
    auto opened = S3Store::open(runtime, std::move(settings), options);
    REQUIRE(opened.ok());
    store = std::move(*opened);
    ask.emplace(runtime, *store);
  }
  ~Rig() { log_set_sink({}); }

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
  std::optional<StoreAsker> ask;
};

S3Settings settings_of(const MinioServer& server) {
  return {server.url(), MinioServer::new_bucket(), "us-east-1", MinioServer::kAccessKey, MinioServer::kSecretKey};
}

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

TEST_CASE("the bucket is made where it is missing, and found where it is there") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  const S3Settings settings = settings_of(server);
  for (const char* how : {"bucket_is=made", "bucket_is=there"}) {
    Rig rig(settings);
    CHECK_FALSE(rig.store->has_bucket());
    rig.ready();
    CHECK(rig.logged(how));
    CHECK(rig.ask->check().ok());
  }
}

TEST_CASE("a presigned URL gives the object to anyone, for as long as it says and no other") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  Rig rig(settings_of(server));
  rig.ready();
  REQUIRE(rig.ask->put(kName, object("the original", "image/jpeg")).ok());
  const std::string url = *rig.store->presigned_url(kName, 25h);
  const auto given = fetch(rig.runtime, url);
  CHECK(given.status == 200);
  CHECK(given.body == "the original");
  CHECK(given.field("Content-Type") == "image/jpeg");
  CHECK(fetch(rig.runtime, url.substr(0, url.find('?'))).status == 403);
  std::string other = url;
  other.replace(other.find("abc?"), 4, "abd?");
  CHECK(fetch(rig.runtime, other).status == 403);
  CHECK(fetch(rig.runtime, *rig.store->presigned_url("originals/none", 1min)).status == 404);
}

TEST_CASE("a service that starts before its store makes the bucket when the store comes") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  server.kill();
  Rig rig(settings_of(server), impatient());
  rig.until([&] { return rig.logged("store_away"); });
  CHECK(rig.ask->check().error().code == ErrorCode::unavailable);
  CHECK(rig.ask->put(kName, object("x")).error().code == ErrorCode::unavailable);
  server.start();
  rig.ready();
  CHECK(rig.ask->put(kName, object("x")).ok());
}

TEST_CASE("a bucket that is taken away is told, and made again") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  const S3Settings settings = settings_of(server);
  Rig rig(settings);
  rig.ready();
  std::filesystem::remove_all(server.data() + "/" + settings.bucket);
  const auto lost = rig.ask->get(kName);
  REQUIRE_FALSE(lost.ok());
  CHECK(lost.error().code == ErrorCode::unavailable);
  CHECK(lost.error().message.find("NoSuchBucket") != std::string::npos);
  rig.ready();
  CHECK(rig.ask->put(kName, object("x")).ok());
}

TEST_CASE("keys that are wrong are told by the server's own word, and never shown") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  S3Settings settings = settings_of(server);
  {
    Rig well(settings);
    well.ready();
  }
  settings.secret_key = "wrong-and-secret";
  Rig rig(settings, impatient());
  for (const Status& status : {rig.ask->put(kName, object("x")), Status(rig.ask->get(kName).error())}) {
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().code == ErrorCode::unavailable);
    CHECK_MESSAGE(status.error().message.find("403 SignatureDoesNotMatch") != std::string::npos,
                  status.error().message);
  }
  CHECK_FALSE(rig.ask->check().ok());
  rig.until([&] { return rig.logged("store_away"); });
  CHECK_FALSE(rig.logged("wrong-and-secret"));
}

TEST_CASE("a server that is killed in the middle of an upload leaves nothing, and is used again when it is back") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  Rig rig(settings_of(server));
  rig.ready();
  REQUIRE(rig.ask->put("originals/before", object("kept")).ok());
  server.pause();  // so that it is in the middle for certain
  std::optional<Status> put;
  const auto operation = rig.store->put(kName, object(much(32 << 20)), [&](Status status) { put = std::move(status); });
  std::optional<Status> checked;
  const auto check = rig.store->check([&](Status status) { checked = std::move(status); });
  rig.until([&] { return checked.has_value(); });
  CHECK(checked->error().code == ErrorCode::timeout);
  CHECK_FALSE(put.has_value());
  server.kill();
  rig.until([&] { return put.has_value(); });
  REQUIRE_FALSE(put->ok());
  CHECK(put->error().code == ErrorCode::unavailable);
  CHECK(rig.ask->get(kName).error().code == ErrorCode::unavailable);
  server.start();
  CHECK(rig.ask->get(kName).error().code == ErrorCode::not_found);
  CHECK((*rig.ask->get("originals/before"))->bytes == "kept");
  CHECK(rig.ask->put(kName, object("whole")).ok());
}

TEST_CASE("a server that says nothing costs no more than its bound") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  Rig rig(settings_of(server), impatient());
  rig.ready();
  server.pause();
  CHECK(rig.ask->put(kName, object("x")).error().code == ErrorCode::timeout);
  CHECK(rig.ask->get(kName).error().code == ErrorCode::timeout);
  CHECK(rig.ask->exists(kName).error().code == ErrorCode::timeout);
  CHECK(rig.ask->remove(kName).error().code == ErrorCode::timeout);
  CHECK(rig.ask->check().error().code == ErrorCode::timeout);
  server.resume();
  CHECK(rig.ask->put(kName, object("x")).ok());
}

TEST_CASE("an upload that is given up leaves no object") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  Rig rig(settings_of(server), impatient());
  rig.ready();
  server.pause();
  auto put = rig.store->put(kName, object(much(32 << 20)), [](const Status&) { FAIL("heard"); });
  rig.until([&] { return rig.store->transfers() == 1; });
  CHECK_FALSE(rig.ask->check().ok());  // meanwhile the kernel takes what it can
  put.reset();
  CHECK(rig.store->transfers() == 0);
  server.resume();
  for (int i = 0; i < 3; ++i) CHECK_FALSE(*rig.ask->exists(kName));
  CHECK(rig.ask->get(kName).error().code == ErrorCode::not_found);
}

TEST_CASE("more than may wait is refused, a check comes through all the same, and what waits is done") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  S3StoreOptions options;
  options.limits.transfers_max = 2;
  options.limits.waiting_max = 3;
  Rig rig(settings_of(server), options);
  rig.ready();
  REQUIRE(rig.ask->put(kName, object("x")).ok());
  server.pause();
  int found = 0, refused = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < 7; ++i) {
    operations.push_back(rig.store->get(kName, [&](const Result<ObjectPtr>& result) {
      if (result) {
        ++found;
      } else {
        CHECK(result.error().code == ErrorCode::exhausted);
        ++refused;
      }
    }));
  }
  rig.until([&] { return refused == 2; });
  server.resume();
  CHECK(rig.ask->check().ok());
  rig.until([&] { return found == 5; });
}

TEST_CASE("an object that was damaged in the store is told from a whole one") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  const S3Settings settings = settings_of(server);
  Rig rig(settings);
  rig.ready();
  S3Client other(rig.runtime, settings, {});
  std::optional<bool> put;
  const ObjectPtr damaged = object("damaged");
  S3Call call{.method = "PUT", .name = kName, .timeout = 5s, .body = damaged};
  call.payload_sha256 = sha256_hex("damaged");
  call.fields = {{"x-amz-meta-crc32c", "00000000"}};
  const auto operation = other.call(std::move(call), [&](const Result<HttpReply>& reply) { put = reply.ok(); });
  rig.until([&] { return put.has_value(); });
  REQUIRE(*put);
  CHECK(rig.ask->get(kName).error().code == ErrorCode::invalid);
}

TEST_CASE("an upload that is damaged on the way is refused by the server") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  const S3Settings settings = settings_of(server);
  Rig rig(settings);
  rig.ready();
  S3Client other(rig.runtime, settings, {});
  std::optional<Error> error;
  S3Call call{.method = "PUT", .name = kName, .timeout = 5s, .body = object("what arrives")};
  call.payload_sha256 = sha256_hex("what was sent");
  const auto operation = other.call(std::move(call), [&](const Result<HttpReply>& reply) { error = reply.error(); });
  rig.until([&] { return error.has_value(); });
  CHECK(error->message.find("XAmzContentSHA256Mismatch") != std::string::npos);
  CHECK_FALSE(*rig.ask->exists(kName));
}

TEST_CASE("an object above the limit is not taken into memory") {
  NEEDS_MINIO();
  MinioServer& server = MinioServer::shared();
  S3StoreOptions options;
  options.object_bytes_max = 1000;
  Rig rig(settings_of(server), options);
  rig.ready();
  REQUIRE(rig.ask->put("results/fits", object(much(1000))).ok());
  REQUIRE(rig.ask->put("results/more", object(much(1001))).ok());
  CHECK(rig.ask->get("results/fits").ok());
  CHECK(rig.ask->get("results/more").error().code == ErrorCode::exhausted);
}

TEST_CASE("a name that does not resolve is an error, not a wait") {
  Rig rig({"http://tidegate-tests.invalid:9000", "pictures", "us-east-1", "k", "s"}, impatient());
  CHECK_FALSE(rig.ask->check().ok());
  CHECK_FALSE(rig.ask->put(kName, object("x")).ok());
}

}  // namespace tidegate::api::test
