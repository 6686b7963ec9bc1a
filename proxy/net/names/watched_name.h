// A name of an upstream and its addresses, as all loops of a process use them. Thread-safe: one small lock, taken when
// a connection is opened, never for a request on an open one. A NameWatcher looks it up and moves it.
//
//                   ┌────────due─────────┐
//                   ▼                    │
//   no address:  resolving ──failed──▶ failed ◀──────────────────────┐
//                 │    ▲                                             │
//               found  └────────too old─────────┐                    │ too old
//                 ▼                             │                    │
//   addresses:  fresh ──due──▶ refreshing ──────┴──failed──▶ stale ──┘
//                 ▲             │      ▲                       │
//                 └────found────┘      └──────────due──────────┘
//
// It is due `refresh` after its last look-up began; or, when connecting to one of its addresses has failed or a
// connection wants an address that there is none, a second after it. Addresses are too old `stale` after they should
// have been refreshed.
//
// Which address a connection calls first moves on with each, so that all addresses of the preferred family (IPv4 while
// one works) are used; the families alternate (RFC 8305). One that has failed or been silent comes last for a while,
// but only a failure is a reason for a look-up.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/address_race.h"
#include "net/names/name_config.h"
#include "net/pending_reply.h"

namespace tidegate::net {

enum class NameState : uint8_t { resolving, fresh, refreshing, stale, failed };
const char* to_string(NameState state);

struct NameView {
  NameState state = NameState::resolving;
  std::vector<IpAddress> addresses;  // as found; none when resolving and failed
  std::optional<Time> resolved_at;   // the last look-up that succeeded
  std::string last_error;            // of the last look-up; empty: it succeeded, or there was none
};

class WatchedName {
 public:
  // A look-up begins with it: it is resolving.
  WatchedName(std::string host, const NameConfig& config, Time now);
  WatchedName(const WatchedName&) = delete;
  WatchedName& operator=(const WatchedName&) = delete;

  const std::string& host() const { return host_; }
  NameView view() const;

  // The addresses in the order in which the next connection calls them; empty: none is known.
  std::vector<IpAddress> next_order(Time now);
  // Tells of a connection's attempt.
  void judge(const IpAddress& address, AddressVerdict verdict, Time now);

  // The same, later: as soon as there are addresses; or the error of the look-up that found none. Where one has failed
  // within the last second, no other is awaited.
  [[nodiscard]] std::unique_ptr<Operation> await_order(Runtime& runtime, ResolveCallback done);

  // Changes when other addresses are found.
  uint64_t version() const { return version_.load(std::memory_order_relaxed); }
  // Of the addresses last found, too old or not.
  bool has(const IpAddress& address) const;

  // For the watcher, on its loop. `wake` is called on any thread when the name may be due earlier; must only post.
  void on_wake(std::function<void()> wake) { wake_ = std::move(wake); }
  // When advance() is to be called next.
  std::optional<Time> next_event_at() const;
  // Makes the transitions of time. True: a look-up is due, and the name is now resolving or refreshing.
  bool advance(Time now);
  // The end of the look-up. REQUIRES resolving or refreshing.
  void looked_up(const Result<std::vector<IpAddress>>& result, Time now);

 private:
  using Wait = PendingReply<Result<std::vector<IpAddress>>>;
  struct Failed {
    IpAddress address;
    Time at;
  };

  bool has_addresses() const { return state_ != NameState::resolving && state_ != NameState::failed; }
  bool in_flight() const { return state_ == NameState::resolving || state_ == NameState::refreshing; }
  Time too_old_at() const { return *resolved_at_ + config_.refresh + config_.stale; }
  // All under the lock.
  std::vector<IpAddress> order(Time now);
  std::vector<IpAddress> rotated(bool v6) const;
  bool is_failed(const IpAddress& address) const;
  bool want_lookup(Time now);
  void take_addresses(const std::vector<IpAddress>& found);

  const std::string host_;
  const NameConfig config_;
  std::function<void()> wake_;
  std::atomic<uint64_t> version_{0};

  mutable std::mutex mutex_;
  NameState state_ = NameState::resolving;
  std::vector<IpAddress> addresses_;  // last found
  std::optional<Time> resolved_at_;
  std::optional<Error> last_error_;
  Time earliest_;  // of the next look-up
  Time due_;
  size_t turn_ = 0;
  std::vector<Failed> failed_;  // or silent; of addresses_, the longest ago first
  std::vector<std::weak_ptr<Wait::Slot>> waiting_;
};

}  // namespace tidegate::net
