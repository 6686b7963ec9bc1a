// All listeners of one worker.
//
//   prepare ──▶ the listeners that only the new table has are open; their connections wait
//      └──▶ commit ──▶ the new table is in force; those that it has not drain, by the table of before
//      └──▶ roll_back ──▶ as before
//
// A listener whose address, or TLS, changes is another one: the new opens, then the old drains.
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
  ~Listeners();

  // Listens on every configured address.
  Status listen();
  // A reload: the first step touches nothing that serves. Error: an address on which this loop cannot listen; nothing
  // is left of it then.
  Status prepare(const std::shared_ptr<const RouteTable>& table);
  // REQUIRES prepare(). The worker uses the table from now on.
  void commit();
  void roll_back();

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
  using List = std::vector<std::unique_ptr<ListenerService>>;

  std::unique_ptr<ListenerService> take(const ListenerRoutes& listener);
  void leave(std::unique_ptr<ListenerService> service, const std::shared_ptr<const RouteTable>& table);
  void on_left(const ListenerService* service);
  Duration idle_max() const;
  void begin_stop();
  void drain_one(ListenerService& listener);
  void on_one_drained();
  void end_drain();

  Worker& worker_;
  List listeners_;
  List prepared_;
  List leaving_;           // not configured any more; they drain
  bool stopping_ = false;  // the process ends: a lame duck, or draining
  size_t draining_left_ = 0;
  std::function<void()> drained_;
  const std::shared_ptr<Listeners*> link_;  // null inside once this has ended; what is posted holds it
};

}  // namespace tidegate::core
