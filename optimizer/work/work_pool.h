// A fixed number of threads for slow work, with a bounded queue. Work is submitted on the event loop's thread, and its
// completion is posted back to it. If the queue is full, work is refused at once, so that the caller can ask its client
// to try again instead of letting it wait.
//
//   submit ──full──▶ refused
//      │
//      ▼     a thread is free         work() returned        on the event loop
//   queued ───────────────▶ running ───────────────▶ posted ───────────────────▶ done() has run
//      │ ticket destroyed      │ ticket destroyed       │ ticket destroyed
//      ▼                       ▼                        ▼
//   removed, never runs     finishes, done() does not run
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace tidegate::optimizer {

class WorkPool {
 public:
  // Posts a task to the event loop's thread; callable from any thread until stop() has returned.
  using Post = std::function<void(std::function<void()>)>;

  // Destroying it cancels the work. May outlive the pool.
  class Ticket {
   public:
    virtual ~Ticket() = default;
  };

  // Run on each thread, first and last.
  struct ThreadHooks {
    std::function<void()> begin, end;
  };

  // REQUIRES workers > 0.
  WorkPool(int workers, size_t queue_max, Post post, ThreadHooks hooks = {});
  ~WorkPool();  // stop()
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Null: the queue is full, or stop() was called. `work` runs on a thread of the pool and must not throw; `done` runs
  // later on the event loop's thread. Either may be destroyed on a thread of the pool.
  [[nodiscard]] std::unique_ptr<Ticket> submit(std::function<void()> work, std::function<void()> done);

  // True when submit() would refuse now.
  bool full() const;
  // Queued and running work, including cancelled work that still runs.
  size_t load() const;

  // Refuses new work, finishes the accepted work, ends the threads. Blocks. May be called again.
  void stop();

 private:
  struct Task;
  struct Shared;
  class QueuedTicket;

  static void run_thread(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace tidegate::optimizer
