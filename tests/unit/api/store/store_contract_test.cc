// What every object store does, whichever it is: in a directory, in a bucket of a real MinIO server, and behind a
// circuit breaker.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/store/directory_store.h"
#include "api/store/guarded_store.h"
#include "api/store/s3_store.h"
#include "base/log.h"
#include "support/minio_server.h"
#include "unit/api/scratch.h"
#include "unit/api/store/store_asker.h"

namespace tidegate::api::test {

namespace {

using tidegate::test::MinioServer;

const std::string kName = "results/abc";

// What a store is told to be, and its world; the store's files or bucket are this bed's own.
class DirectoryBed {
 public:
  static bool installed() { return true; }
  std::unique_ptr<ObjectStore> make(net::UvRuntime& runtime) {
    auto opened = DirectoryStore::open(runtime, scratch_.path());
    REQUIRE(opened.ok());
    return std::move(*opened);
  }

 private:
  Scratch scratch_;
};

class S3Bed {
 public:
  static bool installed() { return MinioServer::installed(); }
  std::unique_ptr<ObjectStore> make(net::UvRuntime& runtime) {
    auto opened = S3Store::open(runtime, {MinioServer::shared().url(), MinioServer::new_bucket(), "us-east-1",
                                          MinioServer::kAccessKey, MinioServer::kSecretKey});
    REQUIRE(opened.ok());
    while (!(*opened)->has_bucket()) runtime.run_once();
    return std::move(*opened);
  }
};

class GuardedBed {
 public:
  static bool installed() { return MinioServer::installed(); }
  std::unique_ptr<ObjectStore> make(net::UvRuntime& runtime) {
    return std::make_unique<GuardedStore>(runtime, S3Bed().make(runtime), GuardedStoreOptions{});
  }
};

template <typename Bed>
struct Rig {
  Rig() : store(bed.make(runtime)) {}
  ~Rig() { log_set_sink({}); }

  bool quiet = (log_set_sink([](LogLevel, std::string_view) {}), true);
  Bed bed;
  net::UvRuntime runtime;
  std::unique_ptr<ObjectStore> store;
  StoreAsker ask{runtime, *store};
};

}  // namespace

#define EACH_STORE(name) TEST_CASE_TEMPLATE("every store: " name, Bed, DirectoryBed, S3Bed, GuardedBed)

// Ends the test where the store's server is not here.
#define NEEDS_BED()                                                       \
  if (!Bed::installed()) {                                                \
    MESSAGE("skipped: no MinIO server is here (tests/support/minio.py)"); \
    return;                                                               \
  }                                                                       \
  static_assert(true)

EACH_STORE("an object comes back as it was put, with its type") {
  NEEDS_BED();
  Rig<Bed> rig;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7);
  CHECK_FALSE(*rig.ask.exists(kName));
  CHECK(rig.ask.put(kName, object(bytes, "image/webp")).ok());
  CHECK(*rig.ask.exists(kName));
  const auto found = rig.ask.get(kName);
  REQUIRE(found.ok());
  CHECK(((*found)->bytes == bytes));
  CHECK((*found)->content_type == "image/webp");
}

EACH_STORE("an object may be empty, or of 32 MiB") {
  NEEDS_BED();
  Rig<Bed> rig;
  CHECK(rig.ask.put("jobs/empty", object("", "application/json")).ok());
  CHECK(*rig.ask.exists("jobs/empty"));
  REQUIRE(rig.ask.get("jobs/empty").ok());
  CHECK((*rig.ask.get("jobs/empty"))->bytes.empty());
  const ObjectPtr large = object(much(32 << 20));
  CHECK(rig.ask.put(kName, large).ok());
  const auto found = rig.ask.get(kName);
  REQUIRE(found.ok());
  CHECK(((*found)->bytes == large->bytes));
}

EACH_STORE("a second put replaces, a remove removes, and neither needs anything there") {
  NEEDS_BED();
  Rig<Bed> rig;
  CHECK(rig.ask.put(kName, object("one")).ok());
  CHECK(rig.ask.put(kName, object("second", "image/jpeg")).ok());
  CHECK((*rig.ask.get(kName))->bytes == "second");
  CHECK((*rig.ask.get(kName))->content_type == "image/jpeg");
  CHECK(rig.ask.remove(kName).ok());
  CHECK(rig.ask.remove(kName).ok());
  CHECK_FALSE(*rig.ask.exists(kName));
  CHECK(rig.ask.get(kName).error().code == ErrorCode::not_found);
}

EACH_STORE("names are kept apart, and every folder may be used") {
  NEEDS_BED();
  Rig<Bed> rig;
  for (const char* name : {"originals/a", "results/a", "jobs/a", "results/a.b", "results/A-b_c.0"}) {
    CHECK(rig.ask.put(name, object(name)).ok());
  }
  CHECK((*rig.ask.get("results/a"))->bytes == "results/a");
  CHECK((*rig.ask.get("results/A-b_c.0"))->bytes == "results/A-b_c.0");
  CHECK(rig.ask.remove("results/a").ok());
  CHECK((*rig.ask.get("originals/a"))->bytes == "originals/a");
  CHECK((*rig.ask.get("results/a.b"))->bytes == "results/a.b");
}

EACH_STORE("much at once is all done, each with its own answer") {
  NEEDS_BED();
  Rig<Bed> rig;
  constexpr int kCount = 60;  // more than are done at a time
  std::map<int, std::string> found;
  int put = 0;
  std::vector<std::unique_ptr<net::Operation>> operations;
  for (int i = 0; i < kCount; ++i) {
    operations.push_back(rig.store->put("results/" + std::to_string(i), object("picture " + std::to_string(i)),
                                        [&put](const Status& status) {
                                          CHECK(status.ok());
                                          ++put;
                                        }));
  }
  while (put < kCount) rig.runtime.run_once();
  for (int i = 0; i < kCount; ++i) {
    operations.push_back(rig.store->get("results/" + std::to_string(i), [&found, i](const Result<ObjectPtr>& what) {
      REQUIRE(what.ok());
      found[i] = (*what)->bytes;
    }));
  }
  while (found.size() < kCount) rig.runtime.run_once();
  for (int i = 0; i < kCount; ++i) CHECK(found[i] == "picture " + std::to_string(i));
}

EACH_STORE("who has gone hears nothing, and the others hear all the same") {
  NEEDS_BED();
  Rig<Bed> rig;
  REQUIRE(rig.ask.put(kName, object(much(1 << 20))).ok());
  constexpr int kCount = 40;
  int gone_heard = 0, heard = 0;
  std::vector<std::unique_ptr<net::Operation>> kept, gone;
  for (int i = 0; i < kCount; ++i) {
    auto& operations = i % 2 == 0 ? kept : gone;
    operations.push_back(rig.store->get(kName, [&, i](const Result<ObjectPtr>& found) {
      CHECK(found.ok());
      ++(i % 2 == 0 ? heard : gone_heard);
    }));
  }
  gone.push_back(rig.store->put("results/other", object(much(1 << 20)), [&](const Status&) { ++gone_heard; }));
  gone.push_back(rig.store->exists(kName, [&](const Result<bool>&) { ++gone_heard; }));
  gone.push_back(rig.store->remove("results/none", [&](const Status&) { ++gone_heard; }));
  gone.push_back(rig.store->check([&](const Status&) { ++gone_heard; }));
  while (heard == 0) rig.runtime.run_once();
  gone_heard = 0;  // some were quicker
  gone.clear();
  while (heard < kCount / 2) rig.runtime.run_once();
  CHECK(gone_heard == 0);
  CHECK(rig.ask.check().ok());
}

EACH_STORE("an operation may be destroyed by its own callback, which may begin another") {
  NEEDS_BED();
  Rig<Bed> rig;
  bool done = false;
  std::unique_ptr<net::Operation> operation;
  operation = rig.store->put(kName, object("x"), [&](const Status& status) {
    CHECK(status.ok());
    operation.reset();
    operation = rig.store->get(kName, [&](const Result<ObjectPtr>& found) {
      CHECK(found.ok());
      operation.reset();
      done = true;
    });
  });
  while (!done) rig.runtime.run_once();
}

EACH_STORE("a store that is well says so") {
  NEEDS_BED();
  Rig<Bed> rig;
  CHECK(rig.ask.check().ok());
}

}  // namespace tidegate::api::test
