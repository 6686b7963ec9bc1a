// Private to pool.cc.
#pragma once

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "core/upstream/pool.h"
#include "net/connection_refusal.h"
#include "net/timer.h"

namespace tidegate::core {

// One call of acquire.
//
//   created ──room──────────────────▶ connecting ──▶ ended (a connection, or a failure)
//      ├─none──▶ waiting ──room──────────┘
//      │            ├── given a connection that came back ──▶ ended
//      │            └── the time is over ──▶ ended (refused)
//      └─too many wait──▶ refused ──in the next event-loop iteration──▶ ended
class Pool::Request final : public net::Operation {
 public:
  // `choice`: where it waits.
  Request(Pool& pool, PoolUser& user, const ChoiceFor& choice)
      : pool_(pool), user_(user), choice_(choice), timer_(pool.runtime_, [this] { on_timer(); }) {}
  ~Request() override {
    stop_waiting();
    if (has_room_) leave_room();
  }

  const ChoiceFor& choice() const { return choice_; }

  void wait(Time until) {
    state_ = State::waiting;
    position_ = pool_.waiting_.insert(pool_.waiting_.end(), this);
    timer_.start_at(std::min(until, pool_.runtime_.now() + pool_.upstream_.config().pending_timeout));
  }

  void refuse() {
    state_ = State::refused;
    timer_.start_at(pool_.runtime_.now());
  }

  // A connection that came back serves who has waited longest.
  void given(size_t endpoint, uint64_t addresses_version, std::unique_ptr<http::ClientConnection> connection) {
    leave_line();
    end(PooledConnection(&pool_, pool_.upstream_.count_request(endpoint), addresses_version, std::move(connection)));
  }

  // REQUIRES that room has been taken for this call.
  void begin(CountedRequest to) {
    leave_line();
    state_ = State::connecting;
    has_room_ = true;
    timer_.stop();  // connecting has a time limit of its own
    request_ = std::move(to);
    addresses_version_ = endpoint().addresses_version();  // before the address is chosen
    step_ = endpoint().connect(
        pool_.runtime_, [this](Result<std::unique_ptr<net::Stream>> stream) { on_connected(std::move(stream)); });
    user_.on_connecting(request_.index());
  }

 private:
  enum class State { created, waiting, connecting, refused, ended };

  void on_timer() {
    const char* const why =
        state_ == State::refused ? "max_pending requests wait for a connection" : "no connection became free in time";
    stop_waiting();
    pool_.refused(net::ConnectionRefusal::limit);
    end(Error{ErrorCode::exhausted, std::string(why) + "; " + pool_.limit_.view().text()});
  }

  void stop_waiting() {
    if (state_ != State::waiting) return;
    leave_line();
    pool_.one_waits_less();
  }

  void leave_line() {
    if (state_ == State::waiting) pool_.waiting_.erase(position_);
  }

  void on_connected(Result<std::unique_ptr<net::Stream>> stream) {
    if (!stream) return fail(stream.error());
    has_room_ = false;  // the lease has it now
    endpoint().connected(pool_.runtime_.now());
    auto connection = std::make_unique<http::ClientConnection>(std::move(*stream), http::kResponseLimits);
    end(PooledConnection(&pool_, std::move(request_), addresses_version_, std::move(connection)));
  }

  void fail(Error error) {
    step_.reset();
    const Time now = pool_.runtime_.now();
    if (const auto ours = net::refusal_of(error)) {
      // Local ports are used up towards one endpoint: another may be reached.
      if (*ours == net::ConnectionRefusal::ports) endpoint().avoid(now);
      pool_.refused(*ours);
      error.code = ErrorCode::exhausted;
    } else {
      endpoint().connect_failed(error.message, now);
    }
    error.message = endpoint().authority() + ": " + error.message;
    leave_room();
    end(std::move(error));
  }

  Endpoint& endpoint() const { return request_.endpoint(); }

  void leave_room() {
    has_room_ = false;
    request_ = {};
    pool_.leave_room();
    pool_.count();
  }

  // The user may destroy this request inside the call.
  void end(Result<PooledConnection> result) {
    state_ = State::ended;
    timer_.stop();
    user_.on_connection(std::move(result));
  }

  Pool& pool_;
  PoolUser& user_;
  const ChoiceFor choice_;
  net::Timer timer_;
  std::unique_ptr<net::Operation> step_;
  CountedRequest request_;  // while it connects
  uint64_t addresses_version_ = 0;
  State state_ = State::created;
  bool has_room_ = false;
  std::list<Request*>::iterator position_;
};

}  // namespace tidegate::core
