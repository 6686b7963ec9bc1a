// The process that serves: it gives its listening sockets and its queues to the next one, which connects to its
// takeover socket (protocol.h), and serves until that one does. On the main loop.
//
//            hello             prepared                no job runs           closed            opened
//   waiting ────────▶ offering ──────────▶ ending_jobs ─────────────▶ closing ────────▶ opening ────────▶ committing
//      ▲                  │                  │ shutdown_grace        ▲   │                 │                │    │ serving
//      │                  │                  └──▶ cutting_off ───────┘   │                 │ it has ended   │    ▼
//      │                  └──────────────┴────────────┴──────────────────┴─────────────────┴────────────────┘  handed_over
//      │                           failed, too late, or the other process has ended
//      └────── queues are open again ────── returning ◀──┘
//
//   Before offering, two things are waited for; if one does not end in time, the takeover fails. The predecessor: while
//   it drains, its requests reach the queues through this process, which therefore gives none away (without queues it
//   does not wait). And a reload.
//   waiting ──hello──▶ awaiting_predecessor ──it has ended──▶ awaiting_reload ──none is under way──▶ offering
//
//   Told to stop, it is waiting again, by the same ways (but in committing: see stop()), and refuses every hello.
//
//   closing: calls to the queues wait; those made before end, then the stores close. opening: the other process opens
//   them.
//
// Before handed_over a failure changes nothing for clients: what they ask of a queue while it is closed waits, for
// jobs::HeldCalls::kHeldMax at most. The lock of a queue's file says who has it: returning opens a queue again and
// again until the other process has let go of it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/handover/given_queues.h"
#include "cli/handover/protocol.h"
#include "cli/worker_thread.h"
#include "core/gateway.h"
#include "jobs/handover/remote_calls.h"
#include "net/local/message_channel.h"
#include "net/timer.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::cli {

class Handover {
 public:
  struct Parts {
    net::UvRuntime& runtime;
    core::Gateway& gateway;
    net::ListeningSockets& sockets;
    WorkerThread& jobs_worker;  // that replays
    SocketAddress admin;        // where the admin interface listens
  };
  struct Callbacks {
    // A takeover waits until they have ended: the process that this one has taken over from (its id; 0: it has, or
    // there was none), where this one has queues, and a reload.
    std::function<int()> predecessor;
    std::function<bool()> reload_under_way;
    // A takeover begins, or has ended as if it had not been.
    std::function<void(bool under_way)> under_way;
    // The next process serves: this one accepts no more at these addresses, and drains.
    std::function<void(const std::vector<SocketAddress>& taken)> handed_over;
  };

  // Errors: the socket cannot be made. All parts outlive this.
  static Result<std::unique_ptr<Handover>> listen(const Parts& parts, const std::string& path, Callbacks callbacks);
  ~Handover();

  // The state in a word, as in the log; while nobody takes over, predecessor_draining where that is so.
  const char* step() const;
  // Of the other process that the step is about; 0: of none.
  int other() const;
  // Takes back what is not handed over yet, then runs `done`; after kReturnMax it runs all the same. In committing it
  // runs at once: the other process may have the queues already, and calls to them wait for it. From now on every hello
  // is refused, also of who has connected before: this process ends, and has nothing to give.
  void stop(std::function<void()> done);
  // The process closes its queues: none comes back any more, and the worker that replays may end.
  void close() { closes_ = true; }
  bool stopping() const { return stopped_ != nullptr; }

 private:
  enum class State : uint8_t {
    waiting,
    awaiting_predecessor,
    awaiting_reload,
    offering,
    ending_jobs,
    cutting_off,
    closing,
    opening,
    committing,
    returning,
    handed_over
  };

  Handover(const Parts& parts, std::string path, Callbacks callbacks);
  Status listen_at_path();
  void on_connected(net::MessageSocket socket);
  std::string refusal(const net::Message& hello) const;
  void on_hello(const net::Message& message);
  bool has_queues() const { return !parts_.gateway.policies().queues().empty(); }
  void offer_when_possible();
  void await(State step, Duration time_max, const std::string& what);
  void offer();
  void on_message(net::Message message);
  void end_jobs(const net::Message& message);
  void hold_queues();
  void close_queues();
  void release();
  void commit();
  void give_away();
  void on_time_over();
  void fail(const std::string& reason);
  void begin_return();
  void take_back();
  void end_return();
  static const char* word(State state);
  void move_on(State state);
  void warn_failed(const std::string& reason) const;

  const Parts parts_;
  const std::string path_;
  const Callbacks callbacks_;
  State state_ = State::waiting;
  std::unique_ptr<net::MessageListener> listener_;
  std::unique_ptr<net::MessageChannel> visitor_;  // has said nothing yet, or was refused
  std::unique_ptr<net::MessageChannel> channel_;  // to the next process
  uint64_t connections_ = 0;
  uint64_t with_ = 0;     // which of them is channel_; 0: none
  uint64_t refused_ = 0;  // the last of them that was
  int other_ = 0;         // process
  uint64_t attempt_ = 0;
  Prepared prepared_;
  GivenQueues queues_;
  Time offer_by_{};
  Time return_by_{};
  std::shared_ptr<jobs::RemoteCalls> calls_;
  std::function<void()> stopped_;
  bool drains_ = false;  // since it was told to stop in committing: jobs do not run any more
  bool told_to_stop_ = false;
  bool closes_ = false;
  net::Timer timer_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tidegate::cli
