// The thread of the job queue on Redis: a loop of its own, with the RedisStore on it. Calls are posted there; their
// answers go home by StoreCall.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "jobs/redis/queue.h"
#include "jobs/redis/store.h"
#include "jobs/store_call.h"
#include "jobs/work_listener.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::jobs {

class RedisThread {
 public:
  explicit RedisThread(const RedisQueueOptions& options);
  ~RedisThread() { stop(); }

  // Any thread. `task` runs with the store and answers `call` by finished(); a call that cannot be taken is answered
  // unavailable.
  void submit(std::shared_ptr<StoreCall> call, std::function<void(RedisStore&)> task);
  void finished(const std::shared_ptr<StoreCall>& call);
  // What nobody waits for: taken as long as the thread runs.
  void correct(std::function<void(RedisStore&)> task);

  // Waits for the server's first word, at most so long.
  void wait_for_server(Duration at_most);
  QueueView view() const;
  void on_work(net::Runtime& home, std::function<void()> changed) { listener_->set(home, std::move(changed)); }
  void close(net::Runtime& home, std::function<void()> done);
  // Finishes what was taken, ends the thread. Not from that thread.
  void stop();

 private:
  void run();
  void begin_closing();
  void maybe_end();
  void set_view(QueueView view);
  void set_unavailable(const std::string& why);

  const RedisQueueOptions options_;
  net::UvRuntime runtime_;
  std::optional<RedisStore> store_;  // the thread's
  bool leaving_ = false;             // the thread's
  const std::shared_ptr<WorkListener> listener_ = std::make_shared<WorkListener>();

  mutable std::mutex mutex_;
  std::condition_variable heard_;
  QueueView view_;
  bool heard_once_ = false;
  bool closing_ = false;
  bool ended_ = false;
  size_t under_way_ = 0;
  std::vector<std::pair<net::Runtime*, std::function<void()>>> closers_;
  std::thread thread_;  // last: starts when all else stands
};

}  // namespace tidegate::jobs
