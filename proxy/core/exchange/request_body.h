// The body of a request on its way from the client to an attempt. It is awaited whole, or until its buffer is full,
// before there is an attempt; and it is kept, in memory or in a file (core/spooled_body.h), as long as another attempt
// or a job may need it. Made only for a request that has a body; belongs to its exchange.
//
//              send_to(attempt)
//   held ──────────────────────────▶ sending         held: the client's bytes are kept, or wait for an attempt
//    ▲                                  │            sending: they go on to the attempt as it takes them
//    └─────── detach (it has ended) ────┘
//
// Backpressure: the client is read only as fast as the spooled body and the attempt have room. While an attempt waits
// for the client, the client must keep limits.min_rate.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/exchange/slow_client.h"
#include "core/spooled_body.h"
#include "core/upstream/attempt.h"
#include "http/server/server.h"

namespace tidegate::core {

class RequestBodyUser {
 public:
  // Bytes have reached the file, or room has come, or the body is no longer kept. Never inside a call.
  virtual void on_body_changed() = 0;
  // The body must not be sent on: there is neither memory nor a file for it, or bytes that the attempt needs can be
  // read no more, or not in time (buffer_full); or the client is late or too slow with it (client_timeout). Never
  // inside a call but time_out() and check_kept().
  virtual void on_body_stuck(policy::Outcome why, std::string_view reason) = 0;

 protected:
  ~RequestBodyUser() = default;
};

class RequestBody {
 public:
  // `keep_max`: larger bodies are not kept for another attempt or a job; 0 = none is. `buffer`: of so many bytes the
  // attempt begins only once they have arrived; 0 = at once. `limits`: of the listener. All outlive the body.
  struct Needs {
    uint64_t keep_max = 0;
    uint64_t buffer = 0;
  };
  RequestBody(http::Responder& responder, BufferBudget& budget, const Needs& needs,
              const config::ListenerLimits& limits, RequestBodyUser& user);

  // The client's side.
  void receive(std::string_view piece);
  void end() {
    spooled_.end();
    slow_client_.reset();  // what is waited for from now on is Tidegate's own
  }
  // Pauses or resumes the client, by the room there is.
  void balance();

  // As much has arrived as is awaited before an attempt.
  bool is_buffered() const { return spooled_.ended() || spooled_.received() >= needs_.buffer; }

  // Before an attempt: that the disk has not failed.
  void check_kept();
  // The time for the body is over: on_body_stuck() blames whom it waits for. `late`: what the client did not do.
  void time_out(std::string_view late);

  // The attempt's side. What goes out with the request headers, then the rest, as the attempt takes it. The attempt
  // outlives the sending, which detach() ends. Each attempt begins at the first byte.
  std::string_view first_piece() const { return spooled_.peek(0).substr(0, SpooledBody::kBufferMax); }
  void send_to(Attempt& attempt);
  void detach();
  // The attempt has room, or there is more to send.
  void drive();

  bool can_resend() const { return spooled_.kept(); }
  // Also once an attempt has begun to take it.
  bool stays_kept() const { return needs_.keep_max > 0 && spooled_.kept(); }
  // No other attempt will come: what this one has taken need not be kept.
  void stop_keeping() { spooled_.stop_keeping(sent_); }
  SpooledBody& spooled() { return spooled_; }

 private:
  enum class State { held, sending };

  bool waits_for_disk() const;
  bool takes_more() const { return state_ == State::sending && attempt_->takes_body() && !reading_file_; }
  void lose();
  void watch();
  void send_from_file();

  http::Responder& responder_;
  const Needs needs_;
  const config::ListenerLimits& limits_;
  RequestBodyUser& user_;
  SpooledBody spooled_;
  State state_ = State::held;
  Attempt* attempt_ = nullptr;  // sending
  int attempts_ = 0;
  uint64_t sent_ = 0;                      // to this attempt
  bool reading_file_ = false;              // beside the state: a read goes on when its attempt has ended
  std::optional<SlowClient> slow_client_;  // sending, while the client still sends
};

}  // namespace tidegate::core
