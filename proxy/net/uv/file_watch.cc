#include "net/uv/file_watch.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/timer.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

constexpr Duration kSettle = 100ms;
constexpr Duration kSettleMax = 1s;
constexpr Duration kWriteSettle = 1s;
constexpr Duration kRecheckInterval = 10s;

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class FileWatch final : public Operation {
 public:
  FileWatch(UvRuntime& runtime, std::string path, std::optional<FileState> known, std::function<void()> on_change)
      : runtime_(runtime),
        path_(std::move(path)),
        on_change_(std::move(on_change)),
        known_(known),
        settled_(runtime, [this] { compare(); }),
        recheck_(runtime, [this] { recheck(); }) {}

  ~FileWatch() override { stop(); }

  int start() {
    on_event();  // the file may be another one already
    recheck_.start_after(kRecheckInterval);
    folder_ = file_state(folder_of(path_));
    handle_ = new uv_fs_event_t{};
    uv_fs_event_init(&runtime_.loop().uv, handle_);
    handle_->data = this;
    return uv_fs_event_start(
        handle_,
        [](uv_fs_event_t* handle, const char*, int, int) {
          if (handle->data) static_cast<FileWatch*>(handle->data)->on_event();
        },
        folder_of(path_).c_str(), 0);
  }

 private:
  void stop() {
    if (!handle_) return;
    handle_->data = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(std::exchange(handle_, nullptr)),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_fs_event_t*>(handle); });
  }

  void recheck() {
    const auto folder = file_state(folder_of(path_));
    const bool replaced = folder && !(folder_ && folder->is_same_file(*folder_));
    if (replaced) {
      stop();
      start();
    }
    recheck_.start_after(kRecheckInterval);
    compare();
  }

  void on_event() {
    const Time now = runtime_.now();
    if (!settled_.active()) first_event_at_ = now;
    settled_.start_at(std::min(now + kSettle, first_event_at_ + kSettleMax));
  }

  void compare() {
    const auto found = file_state(path_);
    if (!found || found == known_) return;
    const bool in_place = known_ && found->is_same_file(*known_);
    const int64_t age_ns = runtime_.wall_now().time_since_epoch().count() - found->written_ns;
    if (in_place && age_ns >= 0 && age_ns < kWriteSettle.count()) return settled_.start_after(kWriteSettle);
    known_ = found;
    const auto on_change = on_change_;
    on_change();  // may destroy this
  }

  UvRuntime& runtime_;
  const std::string path_;
  const std::function<void()> on_change_;
  std::optional<FileState> known_;
  Time first_event_at_{};
  Timer settled_;
  Timer recheck_;
  std::optional<FileState> folder_;
  uv_fs_event_t* handle_ = nullptr;  // libuv's until it is closed
};

}  // namespace

Result<std::unique_ptr<Operation>> watch_file(UvRuntime& runtime, const std::string& path,
                                              std::optional<FileState> known, std::function<void()> on_change) {
  auto watch = std::make_unique<FileWatch>(runtime, path, known, std::move(on_change));
  const int status = watch->start();
  if (status == 0) return std::unique_ptr<Operation>(std::move(watch));
  const bool used_up = status == UV_ENOSPC || status == UV_EMFILE;
  const ErrorCode other = used_up ? ErrorCode::exhausted : ErrorCode::io;
  return Error{status == UV_ENOENT ? ErrorCode::not_found : other,
               uv_error(status, "watch " + folder_of(path)).message};
}

}  // namespace tidegate::net
