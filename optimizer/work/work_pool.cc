#include "optimizer/work/work_pool.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "base/assert.h"

namespace tidegate::optimizer {

struct WorkPool::Task {
  std::function<void()> work;
  std::function<void()> done;
  bool cancelled = false;  // for the event loop's thread only
};

struct WorkPool::Shared {
  std::mutex mutex;
  std::condition_variable work_or_stop;
  std::deque<std::shared_ptr<Task>> queue;
  size_t running = 0;
  bool stopping = false;
  // Set once, before the threads start.
  size_t load_max = 0;
  Post post;
  ThreadHooks hooks;
};

class WorkPool::QueuedTicket final : public WorkPool::Ticket {
 public:
  QueuedTicket(std::shared_ptr<Shared> shared, std::shared_ptr<Task> task)
      : shared_(std::move(shared)), task_(std::move(task)) {}

  ~QueuedTicket() override {
    task_->cancelled = true;
    const std::lock_guard lock(shared_->mutex);
    std::erase(shared_->queue, task_);
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Task> task_;
};

WorkPool::WorkPool(int workers, size_t queue_max, Post post, ThreadHooks hooks) : shared_(std::make_shared<Shared>()) {
  TG_ASSERT(workers > 0);
  shared_->load_max = static_cast<size_t>(workers) + queue_max;
  shared_->post = std::move(post);
  shared_->hooks = std::move(hooks);
  for (int i = 0; i < workers; ++i) threads_.emplace_back([shared = shared_] { run_thread(shared); });
}

WorkPool::~WorkPool() { stop(); }

std::unique_ptr<WorkPool::Ticket> WorkPool::submit(std::function<void()> work, std::function<void()> done) {
  auto task = std::make_shared<Task>(Task{std::move(work), std::move(done)});
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->stopping || shared_->queue.size() + shared_->running >= shared_->load_max) return nullptr;
    shared_->queue.push_back(task);
  }
  shared_->work_or_stop.notify_one();
  return std::make_unique<QueuedTicket>(shared_, std::move(task));
}

bool WorkPool::full() const { return load() >= shared_->load_max; }

size_t WorkPool::load() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->queue.size() + shared_->running;
}

void WorkPool::stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->work_or_stop.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkPool::run_thread(const std::shared_ptr<Shared>& shared) {
  if (shared->hooks.begin) shared->hooks.begin();
  for (;;) {
    std::shared_ptr<Task> task;
    {
      std::unique_lock lock(shared->mutex);
      shared->work_or_stop.wait(lock, [&] { return shared->stopping || !shared->queue.empty(); });
      if (shared->queue.empty()) break;
      task = std::move(shared->queue.front());
      shared->queue.pop_front();
      ++shared->running;
    }
    task->work();
    {
      const std::lock_guard lock(shared->mutex);
      --shared->running;
    }
    shared->post([task = std::move(task)] {
      if (!task->cancelled) task->done();
    });
  }
  if (shared->hooks.end) shared->hooks.end();
}

}  // namespace tidegate::optimizer
