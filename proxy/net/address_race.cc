#include "net/address_race.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/assert.h"
#include "net/connection_refusal.h"
#include "net/finished.h"

namespace tidegate::net {

namespace {

constexpr Duration kAttemptDelay = 250ms;
constexpr Duration kAttemptDelayMin = 10ms;
constexpr size_t kInFlightMax = 3;
constexpr size_t kErrorsShown = 4;

// The last address has two shares: the one that it begins after, and one to respond in.
Duration attempt_delay(size_t addresses, Duration timeout) {
  return std::clamp<Duration>(timeout / static_cast<int64_t>(addresses + 1), kAttemptDelayMin, kAttemptDelay);
}

class AddressRace final : public Operation {
 public:
  AddressRace(Runtime& runtime, const std::vector<IpAddress>& addresses, uint16_t port, Duration timeout,
              ConnectCallback done, AddressObserver observer)
      : runtime_(runtime),
        addresses_(addresses),
        port_(port),
        delay_(attempt_delay(addresses.size(), timeout)),
        done_(std::move(done)),
        observer_(std::move(observer)),
        next_at_(runtime.now()),
        next_timer_(runtime, [this] { on_silence(); }),
        timeout_timer_(runtime, [this] { on_timeout(); }) {
    attempts_.reserve(addresses_.size());  // callbacks refer to their attempt
    timeout_timer_.start_after(timeout);
    begin_due();
  }

 private:
  struct Attempt {
    SocketAddress to;
    Time begun{};
    std::unique_ptr<Operation> connecting = nullptr;  // null: it has failed
    std::optional<Error> error = std::nullopt;
    bool silent = false;
  };

  bool more() const { return !descriptors_used_up_ && attempts_.size() < addresses_.size(); }

  // Where the loop was late, several are due; none of them is late because of it. An attempt that has not had its delay
  // yet makes room for no other.
  void begin_due() {
    const Time now = runtime_.now();
    while (more() && next_at_ <= now) {
      if (in_flight() == kInFlightMax) {
        Attempt& oldest = *std::find_if(attempts_.begin(), attempts_.end(), is_in_flight);
        next_at_ = std::max(next_at_, oldest.begun + delay_);
        if (next_at_ > now) break;
        give_up(oldest);
      }
      begin(now);
      next_at_ += delay_;
    }
    more() ? next_timer_.start_at(next_at_) : next_timer_.stop();
  }

  void begin(Time now) {
    Attempt& attempt = attempts_.emplace_back(Attempt{{addresses_[attempts_.size()], port_}, now});
    attempt.connecting = runtime_.connect(attempt.to, [this, &attempt](Result<std::unique_ptr<Stream>> stream) {
      const auto finished = net::finished(attempt.connecting);
      if (stream) win(attempt, std::move(*stream));
      else fail(attempt, stream.error());
    });
  }

  void on_silence() {
    const Time now = runtime_.now();
    for (Attempt& attempt : attempts_) {
      if (!is_in_flight(attempt) || attempt.silent || attempt.begun + delay_ > now) continue;
      attempt.silent = true;
      tell(attempt, AddressVerdict::silent);
    }
    begin_due();
  }

  void win(const Attempt& winner, std::unique_ptr<Stream> stream) {
    tell(winner, AddressVerdict::reachable);
    end(std::move(stream));
  }

  void fail(Attempt& attempt, const Error& error) {
    attempt.error = error;
    const auto refusal = refusal_of(error);
    if (!refusal) {
      unreachable_ = error.code;
      tell(attempt, AddressVerdict::unreachable);
    }
    if (refusal == ConnectionRefusal::descriptors) descriptors_used_up_ = true;
    next_at_ = std::min(next_at_, runtime_.now());
    begin_due();
    if (in_flight() == 0) end(failure());
  }

  void on_timeout() {
    for (Attempt& attempt : attempts_) {
      if (!is_in_flight(attempt)) continue;
      give_up(attempt);
      tell(attempt, AddressVerdict::unreachable);
    }
    end(failure());
  }

  void give_up(Attempt& attempt) {
    attempt.connecting.reset();
    attempt.error = Error{ErrorCode::timeout, "connect " + attempt.to.to_string() + ": no response in time"};
    unreachable_ = ErrorCode::timeout;
  }

  // All have failed.
  Error failure() const {
    Error error{unreachable_.value_or(attempts_.back().error->code), ""};
    for (size_t i = 0; i < std::min(attempts_.size(), kErrorsShown); ++i) {
      error.message += (i == 0 ? "" : "; ") + attempts_[i].error->message;
    }
    if (attempts_.size() > kErrorsShown) {
      error.message += "; and " + std::to_string(attempts_.size() - kErrorsShown) + " more addresses";
    }
    return error;
  }

  static bool is_in_flight(const Attempt& attempt) { return attempt.connecting != nullptr; }
  size_t in_flight() const {
    return static_cast<size_t>(std::count_if(attempts_.begin(), attempts_.end(), is_in_flight));
  }

  void tell(const Attempt& attempt, AddressVerdict verdict) {
    if (observer_) observer_(attempt.to.ip, verdict);
  }

  // The only end. The callback may destroy this, so it is the last thing done.
  void end(Result<std::unique_ptr<Stream>> result) {
    next_timer_.stop();
    timeout_timer_.stop();
    attempts_.clear();
    const ConnectCallback done = std::move(done_);
    done(std::move(result));
  }

  Runtime& runtime_;
  const std::vector<IpAddress> addresses_;
  const uint16_t port_;
  const Duration delay_;
  ConnectCallback done_;
  AddressObserver observer_;
  std::vector<Attempt> attempts_;  // begun, in the order of the addresses
  bool descriptors_used_up_ = false;
  std::optional<ErrorCode> unreachable_;  // of the last address that was called and did not accept
  Time next_at_;                          // when the next address is called
  Timer next_timer_;
  Timer timeout_timer_;
};

}  // namespace

std::unique_ptr<Operation> race_addresses(Runtime& runtime, const std::vector<IpAddress>& addresses, uint16_t port,
                                          Duration timeout, ConnectCallback done, AddressObserver observer) {
  TG_ASSERT(!addresses.empty());
  return std::make_unique<AddressRace>(runtime, addresses, port, timeout, std::move(done), std::move(observer));
}

std::vector<IpAddress> alternate_families(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> queues[2];  // of the first's family; of the other
  for (const IpAddress& address : addresses) queues[address.v6 != addresses.front().v6].push_back(address);
  std::vector<IpAddress> ordered;
  for (size_t i = 0; ordered.size() < addresses.size(); ++i) {
    for (const auto& queue : queues) {
      if (i < queue.size()) ordered.push_back(queue[i]);
    }
  }
  return ordered;
}

}  // namespace tidegate::net
