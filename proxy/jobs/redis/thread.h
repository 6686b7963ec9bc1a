// The thread of the job queue on Redis: a loop of its own, with the RedisStore on it. Calls are posted there; their
// results go home by StoreCall.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "jobs/redis/queue.h"
#include "jobs/redis/store.h"
#include "jobs/store_thread.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::jobs {

class RedisThread final : public StoreThread {
 public:
  explicit RedisThread(const RedisQueueOptions& options);
  ~RedisThread() override { stop(); }

  // Any thread. `task` runs with the store and completes `call` by finished(); a call that cannot be taken ends as
  // unavailable.
  void submit(std::shared_ptr<StoreCall> call, std::function<void(RedisStore&)> task);
  void finished(const std::shared_ptr<StoreCall>& call);
  // What nobody waits for: taken as long as the thread runs, and done if it comes before its last call to the server.
  void correct(std::function<void(RedisStore&)> task);

  // Waits for the server's first reply, at most so long.
  void wait_for_server(Duration at_most);

 private:
  void run() override;
  void on_closing() override;  // nothing is left on_ended(): calls are refused since, and run() waits for those before
  void maybe_end();
  void note_first_word();

  const RedisQueueOptions options_;
  net::UvRuntime runtime_;
  std::optional<RedisStore> store_;  // the thread's
  bool leaving_ = false;             // the thread's
  // Under the lock.
  std::condition_variable first_word_;
  bool has_first_word_ = false;
  size_t under_way_ = 0;
};

}  // namespace tidegate::jobs
