// The end of a store's thread.
#include "jobs/sqlite/thread.h"
#include "unit/jobs/contract/fixture.h"
#include "unit/jobs/sqlite/disk_layer.h"

namespace tidegate::jobs {

namespace {

// Calls back when a file is removed: the last connection to a store removes its WAL.
class RemovalLayer final : public DiskLayer {
 public:
  using DiskLayer::DiskLayer;
  int remove(const std::string& path, bool sync_folder) override {
    if (const auto removed = std::exchange(on_remove, nullptr)) removed();
    return remove_real(path, sync_folder);
  }
  std::function<void()> on_remove;  // once
};

}  // namespace

TEST_CASE("a correction that is submitted while the store closes its file is refused, not kept for ever") {
  static RemovalLayer layer("tidegate-removal");
  RealFixture fixture;
  SqliteOptions options;
  options.path = fixture.file("jobs.db");
  options.vfs = layer.name();
  SqliteFindings findings;
  SqliteThread thread(options, open_store(options, false, findings), {});
  std::string refused;
  layer.on_remove = [&] {
    const auto nobody = std::make_shared<PendingCall<Ok>>(nullptr, nullptr);
    nobody->on_abandoned_error = [&](const Error& error) { refused = error.message; };
    const auto call = std::make_shared<TypedSqliteCall<Ok>>(nobody, [](SqliteStore&) -> Result<Ok> { return Ok{}; });
    call->correction = true;
    thread.submit(call);
    CHECK(refused.empty());  // taken
  };
  thread.stop();
  CHECK(refused == "the queue is closing");
}

}  // namespace tidegate::jobs
