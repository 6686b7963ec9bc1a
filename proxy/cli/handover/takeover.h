// The next process: it takes over the listening sockets and the queues of the one that serves (protocol.h). It waits
// for that one, within bounds, before its own loops run; afterwards it does the calls of requests still in flight
// there.
//
//   connected ──receive_sockets──▶ prepared ──await_queues──▶ opening ──await_commit──▶ serving ──the other ends──▶ alone
//       │                             │                          │
//       ├── failed, refused, late ────┼──────────────────────────┼──▶ an error: this process ends, the other serves on
//       │                             └── the other ends ────────┴──▶ alone: nobody else has the sockets and the queues
//       └── the other ends ──▶ an error too: it has given nothing, and nobody serves
//
//   receive_sockets, await_queues: the other may have to wait itself, and says for what and how long. A signal to stop
//   is an error too, until the commit, whatever the process does meanwhile: the next step finds it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/handover/protocol.h"
#include "jobs/handover/queue_service.h"
#include "net/local/message_channel.h"
#include "net/local/stop_signals.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

class Takeover {
 public:
  // Null: no process is to be taken over from, as nobody listens at `path`. Error: the socket cannot be used.
  static Result<std::unique_ptr<Takeover>> connect(const std::string& path);

  // Of the listeners there, by the addresses that they are configured with. Errors: refused, and how it said why.
  Result<std::vector<net::InheritedSocket>> receive_sockets();
  // Returns when the queues are closed there, and may be opened here.
  Status await_queues(const Prepared& prepared);
  // The queues are open here. Returns when this process is the one that serves.
  Status await_commit();
  // This process cannot go on: the other one is told why, and serves on. Does nothing from commit on.
  void fail(std::string_view reason);

  // The other process has ended; where that was before its time, what it had is free, soon.
  bool alone() const { return state_ == State::alone; }
  int other() const { return other_; }  // its id
  // This process accepts connections. From now on does the calls of the other process. `queue_of`: see
  // jobs::QueueService. REQUIRES await_commit().
  void serve(net::UvRuntime& runtime, jobs::QueueService::QueueOf queue_of);

 private:
  enum class State : uint8_t { connected, prepared, opening, serving, alone };

  explicit Takeover(net::MessageSocket socket) : socket_(std::move(socket)) {}
  Result<net::Message> receive(Duration time);
  Status told_to_stop() const;
  Status send(const net::Message& message);
  Result<std::optional<net::Message>> await(Kind kind, Duration time);
  void move_on(State state);

  net::MessageSocket socket_;
  net::StopSignals stop_;  // else it would end without a word
  State state_ = State::connected;
  int other_ = 0;  // process
  std::unique_ptr<jobs::QueueService> service_;
  std::unique_ptr<net::MessageChannel> channel_;
};

}  // namespace tidegate::cli
