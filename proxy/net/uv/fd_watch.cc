#include "net/uv/fd_watch.h"

#include "base/assert.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

constexpr int kBoth = FdWatch::kReadable | FdWatch::kWritable;

// libuv's, until its close callback; the callback lives here too, for it may destroy the watch.
struct Poll {
  uv_poll_t handle{};
  std::function<void(int)> on_ready;
  bool watched = true;
};

int to_uv(int events) {
  return ((events & FdWatch::kReadable) != 0 ? UV_READABLE : 0) |
         ((events & FdWatch::kWritable) != 0 ? UV_WRITABLE : 0);
}

void on_poll(uv_poll_t* handle, int status, int events) {
  auto* poll = static_cast<Poll*>(handle->data);
  if (!poll->watched) return;
  if (status != 0) return poll->on_ready(kBoth);
  poll->on_ready(((events & UV_READABLE) != 0 ? FdWatch::kReadable : 0) |
                 ((events & UV_WRITABLE) != 0 ? FdWatch::kWritable : 0));
}

class UvFdWatch final : public FdWatch {
 public:
  UvFdWatch(UvRuntime::Loop& loop, int descriptor, std::function<void(int)> on_ready) : poll_(new Poll) {
    poll_->on_ready = std::move(on_ready);
    TG_ASSERT(uv_poll_init_socket(&loop.uv, &poll_->handle, descriptor) == 0);
    poll_->handle.data = poll_;
  }
  ~UvFdWatch() override {
    poll_->watched = false;
    uv_poll_stop(&poll_->handle);
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle),
             [](uv_handle_t* handle) { delete static_cast<Poll*>(handle->data); });
  }

  void want(int events) override {
    if (events == 0) {
      uv_poll_stop(&poll_->handle);
    } else {
      TG_ASSERT(uv_poll_start(&poll_->handle, to_uv(events), &on_poll) == 0);
    }
  }

 private:
  Poll* poll_;
};

}  // namespace

std::unique_ptr<FdWatch> watch_fd(UvRuntime& runtime, int descriptor, std::function<void(int)> on_ready) {
  return std::make_unique<UvFdWatch>(runtime.loop(), descriptor, std::move(on_ready));
}

}  // namespace tidegate::net
