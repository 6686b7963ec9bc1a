// The connections of a process to one upstream: at most `max_connections` at once, idle ones included, and at most
// `max_pending` calls that wait for one. Each worker's pool is a member, on its own thread. Thread-safe: one small
// lock, which a call that finds an idle connection does not take.
//
//   try_open ──room──▶ opened ──closed──▶ room: granted to the waiting member whose turn it is
//       └─none: wait ──on_room_granted──▶ opened
//                └── served by a connection that another call of its member gives back, or stop_waiting
//
// Turns go round the members that wait. A connection that a call gives back serves its member's next waiting call, as
// long as the member has no more than its share (the limit divided by the members); beyond it, the member whose turn it
// is gets the room. So connections are rarely closed for the sake of another member, and no member starves.
//
// A reload reconfigures it, and the pools of the old and of the new configuration are members alike: the bound holds
// over both. Above a limit that has shrunk, a connection that a call gives back is closed, and idle ones are asked for.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

namespace tidegate::core {

class ConnectionLimit {
 public:
  class Member {
   public:
    virtual ~Member() = default;
    // On any thread and under the limit's lock: both must only post to the member's own loop.
    virtual void on_room_granted() = 0;  // for a call that waits: one more connection, which counts as open already
    // Idle connections should be looked at: wants_idle(), or an endpoint has gone out or is in again.
    virtual void on_recheck_idle() = 0;

   private:
    friend class ConnectionLimit;
    int open_ = 0;
    int waiting_ = 0;  // without those that have been granted room
    std::atomic<int> idle_{0};
  };

  ConnectionLimit(int connections_max, int pending_max)
      : connections_max_(connections_max), pending_max_(pending_max) {}

  void join(Member& member);
  void reconfigure(int connections_max, int pending_max);

  // What the member still has is closed. REQUIRES that no call of it waits.
  void leave(Member& member);

  // Room for a connection at once; false: there is none, or others wait for it.
  bool try_open(Member& member);
  // One call more waits for room; false: pending_max wait already. Others' idle connections are asked for.
  bool wait(Member& member);
  // One call fewer waits: it was given up. False: none of the member's waits any more, since room for this one has been
  // granted and is on its way: it is the member's to give on.
  [[nodiscard]] bool stop_waiting(Member& member);
  void closed(Member& member);

  enum class Returned { idle, serve_next, close };
  // What a member does with a connection that can carry another call: keep it idle, serve its own next waiting call
  // (which then waits no more), or close it for another member.
  Returned returned(Member& member);
  // How many connections the member keeps idle. While wants_idle() afterwards, they are to be closed.
  void set_idle(Member& member, int count) { member.idle_ = count; }

  // Members look at their idle connections again.
  void recheck_idle();

  // A call goes on as a tunnel, for as long as its two sides like; or has ended as one.
  void tunnels_changed(int by) { tunnels_ += by; }

  struct View {
    int open, waiting, limit;
    int tunnels;  // of those open
    std::string text() const;
  };
  View view() const;
  int waiting() const { return waiting_; }
  // Somebody waits, or there are more connections than there may be.
  bool wants_idle() const { return anyone_waits() || above_limit_; }

 private:
  bool anyone_waits() const { return waiting_ > 0; }
  int share() const { return connections_max_ / static_cast<int>(members_.size()); }
  Member& next_in_turn();
  void grant_room();
  void ask_for_idle();
  void opened(Member& member);
  void left(Member& member, int connections);

  int connections_max_;
  int pending_max_;
  mutable std::mutex mutex_;
  std::vector<Member*> members_;
  size_t turn_ = 0;  // whose turn it is, if it waits
  int open_ = 0;
  std::atomic<int> tunnels_{0};
  // Sequentially consistent, as Member::idle_ is: who begins to wait looks for idle connections afterwards, who keeps
  // one idle looks for waiters afterwards, and one of the two sees the other.
  std::atomic<int> waiting_{0};
  std::atomic<bool> above_limit_{false};  // likewise
};

}  // namespace tidegate::core
