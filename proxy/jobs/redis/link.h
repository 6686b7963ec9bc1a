// The job queue's connection to its server: whether it may be trusted just now, and the scripts that run there.
// Belongs to the store's thread and its loop, which outlives it.
//
//                connected            settings are durable             process is known
//   disconnected ───────────▶ checking ─────────────────────▶ joining ──────────────────▶ ready ─┐ every second: the
//    ▲                          ▲ │ they are not, or unknown     │ refused                 │ ▲   │ settings, the view
//    │ connection lost          │ ▼                             ▼                         │ └───┘
//    └───── from anywhere       └─┴─── refused (checks again every second) ◀──────────────┘ not any more
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "jobs/redis/queue.h"
#include "jobs/redis/reply.h"
#include "jobs/redis/scripts.h"
#include "net/timer.h"
#include "redis/client.h"

namespace tidegate::jobs {

class RedisLink {
 public:
  struct Events {
    std::function<void(QueueView)> on_view;                         // each reply brings one
    std::function<void()> on_poll;                                  // the view of the poll timer has come
    std::function<void(const std::string& reason)> on_unavailable;  // until the next on_view
    std::function<std::vector<std::string>()> jobs_held;            // ids, when joining
    std::function<void()> on_joined;
  };
  using Done = std::function<void(Result<ScriptReply>)>;

  RedisLink(net::Runtime& runtime, const RedisQueueOptions& options, Events events);

  // Runs a script. Not ready: fails as unavailable at once.
  void run(const redis::Script& script, std::vector<std::string> arguments, Done done);
  // As run; the arguments begin with this process and its connection. A server that does not know them is joined again,
  // once.
  void run_as_member(const redis::Script& script, std::vector<std::string> arguments, Done done);
  // A plain command; `key` without the queue's prefix. An error reply is an error.
  void ask(std::vector<std::string> command, std::function<void(Result<redis::Reply>)> done);

  std::string key(const std::string& name) const { return prefix_ + name; }
  bool ready() const { return state_ == State::ready; }
  // The error of a call while it is not ready.
  Error unavailable() const { return {ErrorCode::unavailable, reason_}; }
  size_t write_pending() const { return client_.write_pending(); }
  const RedisScripts& scripts() const { return scripts_; }
  net::Runtime& runtime() { return runtime_; }
  // The process goes; `claims`: id and number of each that it holds.
  void leave(const std::vector<std::string>& claims, std::function<void()> done);

 private:
  enum class State { disconnected, checking, joining, ready, refused };

  void on_client_change();
  void check();
  void on_settings(const Result<redis::Reply>& reply);
  void join(std::function<void()> joined);
  void poll();
  void become_unavailable(State state, const std::string& reason);
  void on_reply(const Result<ScriptReply>& reply);
  void ask_settings();
  void probe_memory();
  void keep(uint64_t flight, std::unique_ptr<net::Operation> operation);
  // In the flight's own callback.
  std::unique_ptr<net::Operation> take_flight(uint64_t flight);
  void send(const redis::Script& script, const std::vector<std::string>& arguments, Done done);
  std::vector<std::string> as_member(const std::vector<std::string>& arguments) const;

  net::Runtime& runtime_;
  const RedisQueueOptions options_;
  const Events events_;
  const std::string prefix_;
  const std::string consumer_;
  const RedisScripts scripts_;
  redis::Client client_;
  net::Timer poll_timer_;
  State state_ = State::disconnected;
  std::string reason_ = "redis: not yet connected";  // why it is not ready
  std::string full_;  // why nothing more is taken, though jobs can be run (the server is out of memory)
  uint64_t joins_ = 0;
  uint64_t next_flight_ = 1;
  std::map<uint64_t, std::unique_ptr<net::Operation>> flights_;
};

// Why these settings (CONFIG GET's reply) do not keep what is acknowledged; "" = they do.
std::string durability_problem(const redis::Reply& settings);

}  // namespace tidegate::jobs
