// A fixed number of threads for work that takes long, and a bounded queue before them. Work is submitted on the loop's
// thread; what is to happen afterwards is posted back to it. What does not fit is refused at once: the caller can tell
// its client to come again, which is worth more than a long wait.
//
//   submit ──full──▶ refused
//      │
//      ▼   a thread is free          work() returned            on the loop
//   queued ───────────────▶ running ───────────────▶ posted ───────────────▶ done() has run
//      │ ticket destroyed      │ ticket destroyed       │ ticket destroyed
//      ▼                       ▼                        ▼
//   dropped, never runs     runs on, done() is silenced
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace tidegate::optimizer {

class WorkPool {
 public:
  // Runs a task on the loop's thread, soon; callable from any thread until stop() has returned.
  using Post = std::function<void(std::function<void()>)>;

  // Holds one piece of work; destroying it is giving the work up. May outlive the pool.
  class Ticket {
   public:
    virtual ~Ticket() = default;
  };

  // Run first and last on each thread.
  struct ThreadHooks {
    std::function<void()> begin, end;
  };

  // REQUIRES workers > 0.
  WorkPool(int workers, size_t queue_max, Post post, ThreadHooks hooks = {});
  ~WorkPool();  // stop()
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // Null when workers and queue are full, or after stop(). `work` runs on a thread of the pool and must not throw;
  // `done` runs later on the loop's. Either may be destroyed on a thread of the pool.
  [[nodiscard]] std::unique_ptr<Ticket> submit(std::function<void()> work, std::function<void()> done);

  // True when submit() would refuse now.
  bool full() const;
  // Work that is queued or running, abandoned work that still runs included.
  size_t load() const;

  // Takes no more, finishes what has been taken, ends the threads. Blocks. Safe to call again.
  void stop();

 private:
  struct Task;
  struct Shared;
  class Place;

  static void run_thread(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
  std::vector<std::thread> threads_;
};

}  // namespace tidegate::optimizer
