// A disk that hangs: the store says so while it hangs, to whoever looks and in the log, and blocks nobody who looks.
#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "jobs/refusal.h"
#include "unit/jobs/sqlite/disk_layer.h"
#include "unit/jobs/sqlite/fixture.h"

namespace tidegate::jobs {

namespace {

// A disk whose syncs of the WAL do not return while it is held.
class HangingLayer final : public DiskLayer {
 public:
  using DiskLayer::DiskLayer;
  int sync(File& file, int flags) override {
    std::unique_lock lock(mutex_);
    released_.wait(lock, [&] { return !held_ || file.kind != DiskFile::wal; });
    return file.sync(flags);
  }
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    released_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  bool held_ = false;
};

HangingLayer& hanging_layer() {
  static HangingLayer layer("tidegate-hanging");
  return layer;
}

class Bed : public SqliteFixture {
 public:
  Bed() {
    log_set_sink([this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      log_.emplace_back(line);
    });
    close();
    options().vfs = hanging_layer().name();
    options().stall_after = 20ms;
    open();
  }
  ~Bed() {
    hanging_layer().hold(false);
    close();
    log_set_sink({});
  }
  int said(const std::string& event) {
    const std::lock_guard lock(mutex_);
    int lines = 0;
    for (const std::string& line : log_) lines += line.find(event) != line.npos;
    return lines;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> log_;
};

}  // namespace

TEST_CASE("a store that hangs on its disk says so, and since when, and again when it flows") {
  Bed bed;
  hanging_layer().hold(true);
  std::optional<Result<Appended>> answer;
  const OperationPtr append =
      bed.queue().append(bed.home(), make_draft(bed.home()), [&](Result<Appended> result) { answer = result; });
  bed.run_until([&] { return bed.said("store_stalls") > 0; });
  const QueueView view = bed.queue().view();
  CHECK(!view.available);
  CHECK(unavailable_for(view.why_unavailable) == Refusal::store_stalled);
  CHECK(view.why_unavailable.find(bed.path() + " has not finished a commit since 20") != std::string::npos);
  CHECK(!answer);

  hanging_layer().hold(false);
  bed.run_until([&] { return answer.has_value(); });
  CHECK(answer->ok());
  CHECK(bed.queue().view().available);
  CHECK(bed.said("store_stalls") == 1);
  CHECK(bed.said("store_flows_again") == 1);
}

}  // namespace tidegate::jobs
