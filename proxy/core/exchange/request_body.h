// The body of a request on its way from the client to an attempt. It is kept, in memory or in a file
// (core/spooled_body.h), as long as another attempt or a job may need it. Made only for a request that has a body;
// belongs to its exchange.
//
//              send_to(attempt)
//   held ──────────────────────────▶ sending         held: the client's bytes are kept, or wait for an attempt
//    ▲                                  │            sending: they go on to the attempt as it takes them
//    └─────── detach (it has ended) ────┘
//
// Backpressure: the client is read only as fast as the spooled body and the attempt have room.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/spooled_body.h"
#include "core/upstream/attempt.h"
#include "http/server/server.h"

namespace tidegate::core {

class RequestBodyUser {
 public:
  // Bytes have reached the file, or room has come, or the body is no longer kept. Never inside a call.
  virtual void on_body_changed() = 0;
  // The attempt needs bytes that can be read no more: the disk has failed. The body must not be sent on.
  virtual void on_body_lost() = 0;

 protected:
  ~RequestBodyUser() = default;
};

class RequestBody {
 public:
  // keep_max: larger bodies stop being kept; 0 = never kept. User and responder outlive the body.
  RequestBody(http::Responder& responder, uint64_t keep_max, RequestBodyUser& user);

  // The client's side.
  void receive(std::string_view piece);
  void end() { spooled_.end(); }
  // Pauses or resumes the client, by the room there is.
  void balance();

  // The attempt's side. What goes out with the request headers, then the rest, as the attempt takes it. The attempt
  // outlives the sending, which detach() ends. Each attempt begins at the first byte.
  std::string_view first_piece() const { return spooled_.peek(0).substr(0, SpooledBody::kBufferMax); }
  void send_to(Attempt& attempt);
  void detach();
  // The attempt has room, or there is more to send.
  void drive();

  bool can_resend() const { return spooled_.kept(); }
  // No other attempt will come: what this one has taken need not be kept.
  void stop_keeping() { spooled_.stop_keeping(sent_); }
  SpooledBody& spooled() { return spooled_; }

 private:
  enum class State { held, sending };

  bool takes_more() const { return state_ == State::sending && attempt_->takes_body() && !reading_file_; }
  void send_from_file();

  http::Responder& responder_;
  RequestBodyUser& user_;
  SpooledBody spooled_;
  State state_ = State::held;
  Attempt* attempt_ = nullptr;  // sending
  int attempts_ = 0;
  uint64_t sent_ = 0;          // to this attempt
  bool reading_file_ = false;  // beside the state: a read goes on when its attempt has ended
};

}  // namespace tidegate::core
