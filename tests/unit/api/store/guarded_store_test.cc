// The circuit breaker of a store, with a real server that is killed and recovers.
#include "api/store/guarded_store.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "api/metrics/metrics.h"
#include "api/store/s3/s3_store.h"
#include "base/log.h"
#include "support/minio_server.h"
#include "unit/api/store/s3_settings.h"
#include "unit/api/store/store_client.h"

namespace tidegate::api::test {

namespace {

using policy::BreakerState;
using tidegate::test::MinioServer;

const std::string kResultName = "results/abc";
constexpr int kFailures = 5;  // open the circuit breaker

struct GuardedFixture {
  explicit GuardedFixture(Duration open_for = 50ms) {
    log_set_sink([this](LogLevel, std::string_view line) { log.append(line) += '\n'; });
    S3StoreOptions s3;
    s3.put_timeout = s3.get_timeout = s3.small_timeout = s3.check_timeout = 300ms;
    auto opened = S3Store::open(runtime, new_bucket_settings(), s3);
    REQUIRE(opened.ok());
    while (!(*opened)->has_bucket()) runtime.run_once();
    GuardedStoreOptions options;
    options.breaker.consecutive_failures = kFailures;
    options.breaker.open_for = open_for;
    options.breaker.open_for_max = 2 * open_for;
    store.emplace(runtime, std::move(*opened), options);
    client.emplace(runtime, *store);
  }
  ~GuardedFixture() { log_set_sink({}); }

  void until(BreakerState state) {
    while (store->state() != state) runtime.run_once();
  }
  void fail() {
    for (int i = 0; i < kFailures; ++i) CHECK_FALSE(client->put(kResultName, object("x")).ok());
  }
  bool shows(const std::string& line) {
    Metrics metrics({"other"});
    return metrics.render({.store_circuit = store->circuit()}).find(line + "\n") != std::string::npos;
  }

  std::string log;
  MinioServer& server = MinioServer::shared();
  net::UvRuntime runtime;
  std::optional<GuardedStore> store;
  std::optional<StoreClient> client;
};

}  // namespace

TEST_CASE("repeated failures open the circuit breaker, which refuses operations and sets retry_after") {
  NEEDS_MINIO();
  GuardedFixture fixture(1h);
  CHECK(fixture.store->retry_after() == kStoreRetryAfter);
  fixture.server.kill();
  fixture.fail();
  CHECK(fixture.store->state() == BreakerState::open);
  CHECK(fixture.log.find("breaker_transition breaker=store from=closed to=open reason=consecutive_failures") !=
        std::string::npos);
  const auto refused = fixture.client->get(kResultName);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(refused.error().message == "the circuit breaker of the store is open");
  CHECK_FALSE(fixture.client->exists(kResultName).ok());
  CHECK_FALSE(fixture.client->remove(kResultName).ok());
  CHECK(fixture.store->retry_after() > 59min);
  CHECK(fixture.store->retry_after() <= 1h);
  CHECK(fixture.shows("watermark_api_store_breaker_state{state=\"open\"} 1"));
  CHECK(fixture.shows("watermark_api_store_breaker_state{state=\"closed\"} 0"));
  CHECK(fixture.shows("watermark_api_store_refused_total 3"));
}

TEST_CASE("a probe closes the circuit breaker after the store recovers, without an upload") {
  NEEDS_MINIO();
  GuardedFixture fixture;
  fixture.server.kill();
  fixture.fail();
  fixture.until(BreakerState::half_open);  // its probe fails
  fixture.until(BreakerState::open);
  fixture.server.start();
  fixture.until(BreakerState::closed);
  CHECK(fixture.client->put(kResultName, object("x")).ok());
  CHECK(fixture.shows("watermark_api_store_breaker_state{state=\"closed\"} 1"));
}

TEST_CASE("the check fails until the circuit breaker is closed") {
  NEEDS_MINIO();
  GuardedFixture fixture(1h);
  fixture.server.kill();
  fixture.fail();
  fixture.server.start();
  const Status checked = fixture.client->check();
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message == "the circuit breaker of the store is open");
}

TEST_CASE("timeouts open the circuit breaker too") {
  NEEDS_MINIO();
  GuardedFixture fixture(1h);
  fixture.server.pause();
  fixture.fail();
  CHECK(fixture.store->state() == BreakerState::open);
}

TEST_CASE("missing objects and destroyed operations do not count as failures") {
  NEEDS_MINIO();
  GuardedFixture fixture;
  for (int i = 0; i < 2 * kFailures; ++i) CHECK(fixture.client->get(kResultName).error().code == ErrorCode::not_found);
  fixture.server.pause();
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < 2 * kFailures; ++i) {
    operations.push_back(fixture.store->get(kResultName, [](const Result<ObjectPtr>&) { FAIL("called back"); }));
  }
  fixture.runtime.run_once();
  operations.clear();
  fixture.server.resume();
  CHECK(fixture.store->state() == BreakerState::closed);
  CHECK(fixture.client->put(kResultName, object("x")).ok());
}

}  // namespace tidegate::api::test
