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
constexpr size_t kErrorsShown = 4;

class AddressRace final : public Operation {
 public:
  AddressRace(Runtime& runtime, const std::vector<IpAddress>& addresses, uint16_t port, Duration timeout,
              ConnectCallback done, AddressVerdict verdict)
      : runtime_(runtime),
        addresses_(addresses),
        port_(port),
        delay_(std::min<Duration>(kAttemptDelay, timeout / static_cast<int64_t>(addresses.size()))),
        done_(std::move(done)),
        verdict_(std::move(verdict)),
        next_timer_(runtime, [this] { on_silence(); }),
        timeout_timer_(runtime, [this] { on_timeout(); }) {
    attempts_.reserve(addresses_.size());  // callbacks refer to their attempt
    timeout_timer_.start_after(timeout);
    begin_next();
  }

 private:
  struct Attempt {
    SocketAddress to;
    std::unique_ptr<Operation> connecting;  // null: it has failed
    std::optional<Error> error;
  };

  void begin_next() {
    if (attempts_.size() == addresses_.size()) return;
    Attempt& attempt = attempts_.emplace_back();
    attempt.to = {addresses_[attempts_.size() - 1], port_};
    attempt.connecting = runtime_.connect(attempt.to, [this, &attempt](Result<std::unique_ptr<Stream>> stream) {
      const auto finished = net::finished(attempt.connecting);
      if (stream) win(attempt, std::move(*stream));
      else fail(attempt, stream.error());
    });
    if (attempts_.size() < addresses_.size()) next_timer_.start_after(delay_);
  }

  void on_silence() {
    judge(attempts_.back(), false);
    begin_next();
  }

  void win(const Attempt& winner, std::unique_ptr<Stream> stream) {
    judge(winner, true);
    end(std::move(stream));
  }

  void fail(Attempt& attempt, const Error& error) {
    attempt.error = error;
    if (!refusal_of(error)) judge(attempt, false);
    last_failure_ = error.code;
    next_timer_.stop();
    begin_next();
    const bool all_failed = std::none_of(attempts_.begin(), attempts_.end(),
                                         [](const Attempt& other) { return other.connecting != nullptr; });
    if (all_failed) end(failure());
  }

  void on_timeout() {
    for (Attempt& attempt : attempts_) {
      if (!attempt.connecting) continue;
      attempt.connecting.reset();
      attempt.error = Error{ErrorCode::timeout, "connect " + attempt.to.to_string() + ": no response in time"};
      judge(attempt, false);
    }
    last_failure_ = ErrorCode::timeout;
    end(failure());
  }

  Error failure() const {
    Error error{last_failure_, ""};
    for (size_t i = 0; i < attempts_.size(); ++i) {
      const Error& one = *attempts_[i].error;
      if (refusal_of(one) && !refusal_of(error)) error.code = one.code;
      if (i < kErrorsShown) error.message += (i == 0 ? "" : "; ") + one.message;
    }
    if (attempts_.size() > kErrorsShown) {
      error.message += "; and " + std::to_string(attempts_.size() - kErrorsShown) + " more addresses";
    }
    return error;
  }

  void judge(const Attempt& attempt, bool reachable) {
    if (verdict_) verdict_(attempt.to.ip, reachable);
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
  AddressVerdict verdict_;
  std::vector<Attempt> attempts_;  // begun, in the order of the addresses
  ErrorCode last_failure_ = ErrorCode::timeout;
  Timer next_timer_;
  Timer timeout_timer_;
};

}  // namespace

std::unique_ptr<Operation> race_addresses(Runtime& runtime, const std::vector<IpAddress>& addresses, uint16_t port,
                                          Duration timeout, ConnectCallback done, AddressVerdict verdict) {
  TG_ASSERT(!addresses.empty());
  return std::make_unique<AddressRace>(runtime, addresses, port, timeout, std::move(done), std::move(verdict));
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
