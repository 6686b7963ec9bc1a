// The circuit before a store, on a real server that is killed and comes back.
#include "api/store/guarded_store.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "api/store/s3_store.h"
#include "base/log.h"
#include "support/minio_server.h"
#include "unit/api/store/store_asker.h"

namespace tidegate::api::test {

namespace {

using policy::BreakerState;
using tidegate::test::MinioServer;

const std::string kName = "results/abc";
constexpr int kFailures = 5;  // open the circuit

struct Rig {
  explicit Rig(Duration open_for = 50ms) {
    log_set_sink([this](LogLevel, std::string_view line) { log.append(line) += '\n'; });
    S3StoreOptions s3;
    s3.put_timeout = s3.get_timeout = s3.small_timeout = s3.check_timeout = 300ms;
    auto opened = S3Store::open(
        runtime,
        {server.url(), MinioServer::new_bucket(), "us-east-1", MinioServer::kAccessKey, MinioServer::kSecretKey}, s3);
    REQUIRE(opened.ok());
    while (!(*opened)->has_bucket()) runtime.run_once();
    GuardedStoreOptions options;
    options.breaker.consecutive_failures = kFailures;
    options.breaker.open_for = open_for;
    options.breaker.open_for_max = 2 * open_for;
    store.emplace(runtime, std::move(*opened), options);
    ask.emplace(runtime, *store);
  }
  ~Rig() { log_set_sink({}); }

  void until(BreakerState state) {
    while (store->state() != state) runtime.run_once();
  }
  void fail() {
    for (int i = 0; i < kFailures; ++i) CHECK_FALSE(ask->put(kName, object("x")).ok());
  }
  bool shows(const std::string& line) { return store->metrics().find(line + "\n") != std::string::npos; }

  std::string log;
  MinioServer& server = MinioServer::shared();
  net::UvRuntime runtime;
  std::optional<GuardedStore> store;
  std::optional<StoreAsker> ask;
};

}  // namespace

TEST_CASE("a store that fails again and again is not asked any more, and who comes is told when to come again") {
  NEEDS_MINIO();
  Rig rig(1h);
  CHECK(rig.store->retry_after() == kStoreRetryAfter);
  rig.server.kill();
  rig.fail();
  CHECK(rig.store->state() == BreakerState::open);
  CHECK(rig.log.find("breaker_transition breaker=store from=closed to=open reason=consecutive_failures") !=
        std::string::npos);
  const auto refused = rig.ask->get(kName);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::unavailable);
  CHECK(refused.error().message == "the circuit to the store is open");
  CHECK_FALSE(rig.ask->exists(kName).ok());
  CHECK_FALSE(rig.ask->remove(kName).ok());
  CHECK(rig.store->retry_after() > 59min);
  CHECK(rig.store->retry_after() <= 1h);
  CHECK(rig.shows("watermark_api_store_breaker_state{state=\"open\"} 1"));
  CHECK(rig.shows("watermark_api_store_breaker_state{state=\"closed\"} 0"));
  CHECK(rig.shows("watermark_api_store_refused_total 3"));
}

TEST_CASE("the circuit closes by itself when the store is back, without anybody's upload") {
  NEEDS_MINIO();
  Rig rig;
  rig.server.kill();
  rig.fail();
  rig.until(BreakerState::half_open);  // and its probe fails
  rig.until(BreakerState::open);
  rig.server.start();
  rig.until(BreakerState::closed);
  CHECK(rig.ask->put(kName, object("x")).ok());
  CHECK(rig.shows("watermark_api_store_breaker_state{state=\"closed\"} 1"));
}

TEST_CASE("a store that is back is not well before its circuit is closed") {
  NEEDS_MINIO();
  Rig rig(1h);
  rig.server.kill();
  rig.fail();
  rig.server.start();
  const Status checked = rig.ask->check();
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message == "the circuit to the store is open");
}

TEST_CASE("a store that says nothing opens the circuit too") {
  NEEDS_MINIO();
  Rig rig(1h);
  rig.server.pause();
  rig.fail();
  CHECK(rig.store->state() == BreakerState::open);
}

TEST_CASE("what is not there, and who has gone, say nothing against the store") {
  NEEDS_MINIO();
  Rig rig;
  for (int i = 0; i < 2 * kFailures; ++i) CHECK(rig.ask->get(kName).error().code == ErrorCode::not_found);
  rig.server.pause();
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < 2 * kFailures; ++i) {
    operations.push_back(rig.store->get(kName, [](const Result<ObjectPtr>&) { FAIL("heard"); }));
  }
  rig.runtime.run_once();
  operations.clear();
  rig.server.resume();
  CHECK(rig.store->state() == BreakerState::closed);
  CHECK(rig.ask->put(kName, object("x")).ok());
}

}  // namespace tidegate::api::test
