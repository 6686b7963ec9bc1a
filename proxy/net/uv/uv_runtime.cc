#include "net/uv/uv_runtime.h"

#include <sched.h>
#include <sys/random.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <utility>

#include "base/assert.h"
#include "base/log.h"
#include "net/uv/lookup_threads.h"
#include "net/uv/loop.h"

namespace tidegate::net {

namespace {

int64_t unix_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

void fill_random(void* bytes, size_t count) {
  auto* at = static_cast<char*>(bytes);
  while (count > 0) {
    const ssize_t got = getrandom(at, count, 0);
    TG_ASSERT(got > 0 || errno == EINTR);
    if (got <= 0) continue;
    at += got;
    count -= static_cast<size_t>(got);
  }
}

uint64_t random_seed() {
  uint64_t seed;
  fill_random(&seed, sizeof(seed));
  return seed;
}

}  // namespace

UvRuntime::Loop::Loop(UvRuntime& owner) : runtime(owner) {
  TG_ASSERT(uv_loop_init(&uv) == 0);
  uv.data = this;
  uv_timer_init(&uv, &timer);
  uv_prepare_init(&uv, &prepare);
  uv_check_init(&uv, &check);
  // Without it, as where there is no descriptor left for it, nothing that is posted would ever run.
  TG_ASSERT(uv_async_init(&uv, &async, [](uv_async_t* handle) { static_cast<Loop*>(handle->data)->run_posted(); }) ==
            0);
  timer.data = prepare.data = check.data = async.data = this;
  // Before polling: this iteration is over; wake up for the earliest timer.
  uv_prepare_start(&prepare, [](uv_prepare_t* handle) {
    auto* loop = static_cast<Loop*>(handle->data);
    loop->empty_graveyard();
    loop->arm_timer();
    loop->now_stale = true;
  });
  uv_check_start(&check, [](uv_check_t* handle) {
    auto* loop = static_cast<Loop*>(handle->data);
    if (loop->now_stale) loop->refresh_now();
    loop->runtime.timer_queue().fire_due(loop->now);
    loop->empty_graveyard();
  });
  refresh_now();
}

UvRuntime::Loop::~Loop() {
  empty_graveyard();
  while (!posted.empty()) {  // destroying a task may post another
    const auto dropped = std::exchange(posted, {});
  }
  for (auto* handle : {reinterpret_cast<uv_handle_t*>(&timer), reinterpret_cast<uv_handle_t*>(&prepare),
                       reinterpret_cast<uv_handle_t*>(&check), reinterpret_cast<uv_handle_t*>(&async)}) {
    uv_close(handle, nullptr);
  }
  while (uv_run(&uv, UV_RUN_DEFAULT) != 0) {
  }
  TG_ASSERT(uv_loop_close(&uv) == 0);
}

void UvRuntime::Loop::refresh_now() {
  now = Time(Duration(static_cast<int64_t>(uv_hrtime())));
  now_stale = false;
}

void UvRuntime::Loop::empty_graveyard() {
  while (!disposed.empty()) {
    const auto dying = std::move(disposed);
    disposed.clear();
  }
}

void UvRuntime::Loop::run_posted() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex);
    tasks.swap(posted);
  }
  for (auto& task : tasks) task();
}

// uv timers are whole milliseconds and count from uv's own cached time: rounded up, never early.
void UvRuntime::Loop::arm_timer() {
  const auto deadline = runtime.timer_queue().next_deadline();
  if (!deadline) {
    uv_timer_stop(&timer);
    return;
  }
  uv_update_time(&uv);
  const Time real_now = Time(Duration(static_cast<int64_t>(uv_hrtime())));
  const Duration left = std::max(*deadline - real_now, Duration::zero());
  uv_timer_start(
      &timer, [](uv_timer_t*) {}, static_cast<uint64_t>(ceil_ms(left)), 0);
}

UvRuntime::UvRuntime(uint64_t seed, LookupThreads& lookups) : lookups_(lookups), random_(seed) {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of that write, not the end of the process
  log_set_clock(&unix_ns);
  loop_ = std::make_unique<Loop>(*this);
}

UvRuntime::UvRuntime(uint64_t seed) : UvRuntime(seed, LookupThreads::of_process()) {}

UvRuntime::UvRuntime() : UvRuntime(random_seed()) {}

UvRuntime::~UvRuntime() = default;

void UvRuntime::run() {
  while (!loop_->stopping) uv_run(&loop_->uv, UV_RUN_ONCE);
  loop_->empty_graveyard();
}

void UvRuntime::run_once() { uv_run(&loop_->uv, UV_RUN_ONCE); }

void UvRuntime::stop() {
  loop_->stopping = true;
  uv_stop(&loop_->uv);
}

Time UvRuntime::now() const {
  if (loop_->now_stale) loop_->refresh_now();
  return loop_->now;
}

WallTime UvRuntime::wall_now() const { return WallTime(Duration(unix_ns())); }

void UvRuntime::post(std::function<void()> task) {
  {
    const std::lock_guard lock(loop_->posted_mutex);
    loop_->posted.push_back(std::move(task));
  }
  uv_async_send(&loop_->async);
}

void UvRuntime::dispose(std::unique_ptr<Disposable> object) { loop_->disposed.push_back(std::move(object)); }

IdBytes UvRuntime::random_id() {
  // Read from the kernel by the page: one read for each request would be a fifth of its system calls.
  if (entropy_left_ < sizeof(IdBytes)) {
    fill_random(entropy_.data(), entropy_.size());
    entropy_left_ = entropy_.size();
  }
  IdBytes id;
  uint8_t* taken = entropy_.data() + (entropy_left_ -= id.size());
  std::copy_n(taken, id.size(), id.begin());
  std::fill_n(taken, id.size(), uint8_t{0});  // what was given out cannot be read here later
  return id;
}

Random& UvRuntime::random() { return random_; }

int available_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  // cgroup v2: "max 100000" or "150000 100000".
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    long long quota = 0, period = 0;
    if (std::fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0) {
      cpus = std::min<int>(cpus, static_cast<int>((quota + period - 1) / period));
    }
    std::fclose(file);
  }
  return std::max(cpus, 1);
}

}  // namespace tidegate::net
