// The contract of every object store: in a directory, in a bucket of a real MinIO server, and behind a circuit breaker.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/store/directory/directory_store.h"
#include "api/store/guarded_store.h"
#include "api/store/s3/s3_store.h"
#include "base/log.h"
#include "support/minio_server.h"
#include "unit/api/scratch_folder.h"
#include "unit/api/store/s3_settings.h"
#include "unit/api/store/store_client.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::MinioServer;

const std::string kName = "results/abc";

// A backend makes a store with files or a bucket of its own.
class DirectoryBackend {
 public:
  static bool installed() { return true; }
  std::unique_ptr<ObjectStore> make(net::UvRuntime& runtime) {
    auto opened = DirectoryStore::open(runtime, scratch_.path());
    REQUIRE(opened.ok());
    return std::move(*opened);
  }

 private:
  ScratchFolder scratch_;
};

class S3Backend {
 public:
  static bool installed() { return MinioServer::installed(); }
  std::unique_ptr<ObjectStore> make(net::UvRuntime& runtime) {
    auto opened = S3Store::open(runtime, new_bucket_settings());
    REQUIRE(opened.ok());
    while (!(*opened)->has_bucket()) runtime.run_once();
    return std::move(*opened);
  }
};

class GuardedBackend {
 public:
  static bool installed() { return MinioServer::installed(); }
  std::unique_ptr<ObjectStore> make(net::UvRuntime& runtime) {
    return std::make_unique<GuardedStore>(runtime, S3Backend().make(runtime), GuardedStoreOptions{});
  }
};

template <typename TestedBackend>
struct Fixture {
  Fixture() : store(backend.make(runtime)) {}
  ~Fixture() { log_set_sink({}); }

  bool quiet = (log_set_sink([](LogLevel, std::string_view) {}), true);
  TestedBackend backend;
  net::UvRuntime runtime;
  std::unique_ptr<ObjectStore> store;
  StoreClient client{runtime, *store};
};

}  // namespace

#define EACH_STORE(name) \
  TEST_CASE_TEMPLATE("every store: " name, TestedBackend, DirectoryBackend, S3Backend, GuardedBackend)

// Skips the test if the server of the store is not installed.
#define NEEDS_SERVER()                                                    \
  if (!TestedBackend::installed()) {                                      \
    MESSAGE("skipped: no MinIO server is here (tests/support/minio.py)"); \
    return;                                                               \
  }                                                                       \
  static_assert(true)

EACH_STORE("a get returns the object that was put, with its type") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7);
  CHECK_FALSE(*fixture.client.exists(kName));
  CHECK(fixture.client.put(kName, object(bytes, "image/webp")).ok());
  CHECK(*fixture.client.exists(kName));
  const auto found = fixture.client.get(kName);
  REQUIRE(found.ok());
  CHECK(((*found)->bytes == bytes));
  CHECK((*found)->content_type == "image/webp");
}

EACH_STORE("an object may be empty, or of 32 MiB") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  CHECK(fixture.client.put("jobs/empty", object("", "application/json")).ok());
  CHECK(*fixture.client.exists("jobs/empty"));
  REQUIRE(fixture.client.get("jobs/empty").ok());
  CHECK((*fixture.client.get("jobs/empty"))->bytes.empty());
  const ObjectPtr large = object(much(32 << 20));
  CHECK(fixture.client.put(kName, large).ok());
  const auto found = fixture.client.get(kName);
  REQUIRE(found.ok());
  CHECK(((*found)->bytes == large->bytes));
}

EACH_STORE("a second put replaces the object, and removing a missing object succeeds") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  CHECK(fixture.client.put(kName, object("one")).ok());
  CHECK(fixture.client.put(kName, object("second", "image/jpeg")).ok());
  CHECK((*fixture.client.get(kName))->bytes == "second");
  CHECK((*fixture.client.get(kName))->content_type == "image/jpeg");
  CHECK(fixture.client.remove(kName).ok());
  CHECK(fixture.client.remove(kName).ok());
  CHECK_FALSE(*fixture.client.exists(kName));
  CHECK(fixture.client.get(kName).error().code == ErrorCode::not_found);
}

EACH_STORE("names are distinct, in every folder") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  for (const char* name : {"originals/a", "results/a", "jobs/a", "results/a.b", "results/A-b_c.0"}) {
    CHECK(fixture.client.put(name, object(name)).ok());
  }
  CHECK((*fixture.client.get("results/a"))->bytes == "results/a");
  CHECK((*fixture.client.get("results/A-b_c.0"))->bytes == "results/A-b_c.0");
  CHECK(fixture.client.remove("results/a").ok());
  CHECK((*fixture.client.get("originals/a"))->bytes == "originals/a");
  CHECK((*fixture.client.get("results/a.b"))->bytes == "results/a.b");
}

EACH_STORE("concurrent operations each get their own result") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  constexpr int kCount = 60;  // more than run at once
  std::map<int, std::string> found;
  int put = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < kCount; ++i) {
    operations.push_back(fixture.store->put("results/" + std::to_string(i), object("picture " + std::to_string(i)),
                                            [&put](const Status& status) {
                                              CHECK(status.ok());
                                              ++put;
                                            }));
  }
  while (put < kCount) fixture.runtime.run_once();
  for (int i = 0; i < kCount; ++i) {
    operations.push_back(fixture.store->get("results/" + std::to_string(i), [&found, i](const Result<ObjectPtr>& what) {
      REQUIRE(what.ok());
      found[i] = (*what)->bytes;
    }));
  }
  while (found.size() < kCount) fixture.runtime.run_once();
  for (int i = 0; i < kCount; ++i) CHECK(found[i] == "picture " + std::to_string(i));
}

EACH_STORE("a destroyed operation does not call back, and the others do") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  REQUIRE(fixture.client.put(kName, object(much(1 << 20))).ok());
  constexpr int kCount = 40;
  int cancelled_calls = 0, calls = 0;
  std::vector<std::unique_ptr<net::Operation>> kept, cancelled;
  for (int i = 0; i < kCount; ++i) {
    auto& operations = i % 2 == 0 ? kept : cancelled;
    operations.push_back(fixture.store->get(kName, [&, i](const Result<ObjectPtr>& found) {
      CHECK(found.ok());
      ++(i % 2 == 0 ? calls : cancelled_calls);
    }));
  }
  cancelled.push_back(
      fixture.store->put("results/other", object(much(1 << 20)), [&](const Status&) { ++cancelled_calls; }));
  cancelled.push_back(fixture.store->exists(kName, [&](const Result<bool>&) { ++cancelled_calls; }));
  cancelled.push_back(fixture.store->remove("results/none", [&](const Status&) { ++cancelled_calls; }));
  cancelled.push_back(fixture.store->check([&](const Status&) { ++cancelled_calls; }));
  while (calls == 0) fixture.runtime.run_once();
  cancelled_calls = 0;  // some may have finished before
  cancelled.clear();
  while (calls < kCount / 2) fixture.runtime.run_once();
  CHECK(cancelled_calls == 0);
  CHECK(fixture.client.check().ok());
}

EACH_STORE("an operation may be destroyed by its own callback, which may begin another") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  bool done = false;
  std::unique_ptr<net::Operation> operation;
  operation = fixture.store->put(kName, object("x"), [&](const Status& status) {
    CHECK(status.ok());
    operation.reset();
    operation = fixture.store->get(kName, [&](const Result<ObjectPtr>& found) {
      CHECK(found.ok());
      operation.reset();
      done = true;
    });
  });
  while (!done) fixture.runtime.run_once();
}

EACH_STORE("the check of an available store succeeds") {
  NEEDS_SERVER();
  Fixture<TestedBackend> fixture;
  CHECK(fixture.client.check().ok());
}

}  // namespace tidegate::api::test
