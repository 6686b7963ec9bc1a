// All listeners of one worker.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/listener_service.h"
#include "core/worker.h"

namespace tidegate::core {

class Listeners {
 public:
  // One for each listener of the worker's table. The worker outlives this.
  explicit Listeners(Worker& worker);

  // Listens on every configured address.
  Status listen();
  // The bound address of listener `index` (port 0 in tests).
  SocketAddress address(size_t index) const { return listeners_.at(index)->address(); }
  size_t connections() const;
  // Each listener serves for its lame_duck, and announces the close of its connections; then it drains.
  void begin_lame_duck();
  // Ends what is left of the lame ducks. Graceful end of all: see http::Server::drain. Afterwards idle connections
  // to upstreams are closed. `done` runs once, later.
  void drain(std::function<void()> done);
  // REQUIRES drain(). Closes what is still open, by force; `done` of drain() runs.
  void cut_off();

 private:
  void drain_one(ListenerService& listener);
  void end_drain();

  Worker& worker_;
  std::vector<std::unique_ptr<ListenerService>> listeners_;
  size_t draining_left_ = 0;
  std::function<void()> drained_;
};

}  // namespace tidegate::core
