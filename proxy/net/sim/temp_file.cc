// Temporary files of the simulated world: memory, the time a disk takes, and a disk that can be full.
#include <algorithm>

#include "base/assert.h"
#include "net/sim/sim_world.h"

namespace tidegate::net {

namespace {

constexpr Duration kDiskMin = 20us;
constexpr Duration kDiskMax = 400us;

class SimFileContent final : public FileContent {
 public:
  uint64_t size() const override { return bytes.size(); }
  Result<std::string> read_at(uint64_t offset, size_t count) const override {
    return offset < bytes.size() ? bytes.substr(offset, count) : std::string();
  }
  std::string bytes;
};

class SimTempFile final : public TempFile {
 public:
  explicit SimTempFile(SimRuntime::World& world) : world_(world) {}
  ~SimTempFile() override { world_.disk_used -= written_; }

  void append(std::string bytes, AppendCallback done) override {
    after_disk([this, bytes = std::move(bytes), done = std::move(done)] {
      if (world_.disk_used + bytes.size() > world_.disk_limit) {
        return done(Error{ErrorCode::exhausted, "write to a temporary file: no space left on device"}, bytes);
      }
      world_.disk_used += bytes.size();
      written_ += bytes.size();
      content_->bytes.append(bytes);
      done(Ok{}, {});
    });
  }

  void read_at(uint64_t offset, size_t count, ReadCallback done) override {
    after_disk([this, offset, count, done = std::move(done)] { done(content_->read_at(offset, count)); });
  }

  uint64_t size() const override { return content_->bytes.size(); }
  std::shared_ptr<const FileContent> content() const override { return content_; }

 private:
  void after_disk(std::function<void()> then) {
    TG_ASSERT(!busy_);
    busy_ = true;
    const auto spread = static_cast<uint64_t>((kDiskMax - kDiskMin).count());
    const Duration takes = world_.disk_delay + kDiskMin + Duration(static_cast<int64_t>(world_.network.below(spread)));
    world_.schedule(world_.now + takes, SimEvent::disk, 0,
                    [this, alive = std::weak_ptr<char>(alive_), then = std::move(then)] {
                      if (alive.expired()) return;
                      busy_ = false;
                      then();
                    });
  }

  SimRuntime::World& world_;
  std::shared_ptr<SimFileContent> content_ = std::make_shared<SimFileContent>();
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  uint64_t written_ = 0;
  bool busy_ = false;
};

}  // namespace

void SimRuntime::set_disk_limit(uint64_t bytes) { world_->disk_limit = bytes; }

void SimRuntime::set_disk_delay(Duration delay) { world_->disk_delay = delay; }

std::unique_ptr<TempFile> SimRuntime::make_temp_file() { return std::make_unique<SimTempFile>(*world_); }

}  // namespace tidegate::net
