// One connection to an upstream: writes requests, parses responses, and knows whether it may be used again. It carries
// one request at a time. core/Pool keeps idle ones; core/Attempt and http::fetch drive them.
//
//            begin_request              last byte written, response complete
//   idle ───────────────────▶ busy ───────────────────────────────────────────▶ idle (reusable) or spent
//    │ any byte, end or error   │        │ error, truncated, rule broken, or a 101 that was asked for
//    └────────▶ spent ◀─────────┴────────┘        (spent: the owner destroys it)
//
// A failed write ends nothing: an upstream that refuses a request early sends its response and closes, so the
// connection is read to its end, and only a response that is not whole is a failure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "http/parser/parser.h"
#include "net/runtime.h"
#include "net/stream.h"

namespace tidegate::http {

// Of responses: well above what a listener takes of a request, so that no client can have an upstream repeat more to it
// (a redirect with the target in its Location) than is read.
inline constexpr HeadLimits kResponseLimits{.header_bytes = 128 * 1024, .header_count = 500};

// How an upstream connection failed.
enum class ClientFailure {
  reset,         // broken or ended before the response was complete
  bad_response,  // the response violates HTTP
};

// What the upstream can have seen of a request that failed.
enum class RequestSeen : uint8_t {
  no,     // it had closed the connection, as an idle one, before any byte of the request reached it
  maybe,  // not one byte of a response has come
  yes,
};

class ClientUser {
 public:
  // A 1xx but 100, which nobody has asked for, and 101, which on_switched is for. At most 10 before the final head.
  // Must not destroy the connection.
  virtual void on_interim_response(const ResponseHead&) {}
  virtual void on_response_head(const ResponseHead& head) = 0;  // the final one
  // The upstream has switched to the protocol of expect_upgrade(). `stream` belongs to who takes it, and has another
  // user before this returns, or is destroyed; `received`: what has been read of it behind the 101. The last call.
  virtual void on_switched(const ResponseHead&, std::unique_ptr<net::Stream>, std::string_view) {}
  virtual void on_response_body(std::string_view piece) = 0;
  // The response is complete. reusable() then tells whether the connection may carry another request.
  virtual void on_response_complete() = 0;
  virtual void on_client_failure(ClientFailure failure, RequestSeen seen, std::string_view detail) = 0;
  virtual void on_request_drained() = 0;  // write_pending() fell to 0

 protected:
  ~ClientUser() = default;
};

class ClientConnection final : private net::StreamUser {
 public:
  // Starts reading at once, so that an idle connection's end is noticed.
  ClientConnection(std::unique_ptr<net::Stream> stream, const HeadLimits& limits);
  // Closes the connection. Allowed inside every callback of ClientUser and on_spent.
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // The user of the request in progress. While idle, `on_spent` is called when the connection dies.
  void begin_request(ClientUser* user, bool is_head_request);
  // The request in progress asks for that protocol (requested_upgrade): the upstream may switch to it. Otherwise, and
  // to any other, a 101 is a bad_response. The text outlives the request.
  void expect_upgrade(std::string_view protocol) { protocol_ = protocol; }
  void write(std::span<const std::string_view> pieces);
  // The request has been written completely. A response that completes earlier makes the connection unusable for
  // another.
  void end_request();
  // Backpressure on the response: what has been read already (at most one read) is still delivered.
  void pause_reading();
  void resume_reading();

  size_t write_pending() const { return stream_ ? stream_->write_pending() : 0; }
  bool reusable() const;
  // While idle: looks whether the connection has died unnoticed, and is of no use then. Costs a system call.
  bool find_dead();
  bool ever_used() const { return requests_ > 0; }
  void set_on_spent(std::function<void()> on_spent);  // while idle only

  SocketAddress peer() const { return stream_->peer(); }

 private:
  enum class State { idle, busy, spent };

  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  bool on_write_failed() override;
  void on_stream_error(const Error& error) override;
  void on_write_drained() override;

  void take(std::string_view bytes);
  bool take_event(ParseEvent event, std::string_view rest);
  bool take_head(std::string_view rest);
  void take_switch(std::string_view rest);
  bool take_complete(bool nothing_left);
  void fail(ClientFailure failure, std::string_view detail);
  RequestSeen seen() const;
  void become_spent();
  void set_reading(bool on);

  std::unique_ptr<net::Stream> stream_;
  ResponseParser parser_;
  ClientUser* user_ = nullptr;
  std::function<void()> on_spent_;
  State state_ = State::idle;
  std::string_view protocol_;  // the upstream may switch to it; "": to none
  bool request_written_ = false;
  bool is_head_request_ = false;
  bool write_failed_ = false;
  bool received_ = false;  // any byte of a response to the request in progress
  bool reading_ = false;
  bool* destroyed_ = nullptr;  // set while a callback runs: the callback has destroyed this
  size_t request_bytes_ = 0;   // of the request in progress, as far as it has been written
  int requests_ = 0;
  int interim_count_ = 0;
};

}  // namespace tidegate::http
