// One client's connection. Internal to the server; server.h says what it does for its user.
//
//        first byte                  request headers           response and request body ended
//   idle ──────────▶ reading_headers ──────────────▶ exchanging ──────────────────────────────┐
//    ▲                   │ error                       │ the body has not ended              │
//    │                   │                             ▼                                     │
//    │                   │                          draining ───────────────────────┐        │
//    │                   ▼                             │ too long                   │        │
//    │               lingering ◀───────────────────────┴── "Connection: close" ─────┤◀───────┘
//    │                   └──▶ closed (from anywhere, when the client has gone)      │
//    └──────────────────────────────── keep-alive ◀─────────────────────────────────┘
//
//   exchanging ──switch_protocols──▶ switched ──finish, abort──▶ closed
//
// Bytes come in through on_read and are parsed from where they lie; only what must wait is copied into input_.
// advance() is the one loop that takes events from the parser; callbacks of the handler may respond, pause or abort
// inside it. Outside it, whatever needs the loop again asks for a wake-up in the next event-loop iteration, so that no
// handler is called inside its own call.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "http/parser/parser.h"
#include "http/server/deadlines.h"
#include "http/server/incoming_body.h"
#include "http/server/input_buffer.h"
#include "http/server/lingering_close.h"
#include "http/server/response_writer.h"
#include "http/server/server_impl.h"
#include "net/runtime.h"
#include "net/stream.h"
#include "net/timer.h"

namespace tidegate::http {

inline bool has_unread_bytes(const net::Stream& stream) { return stream.unread() == net::Stream::Unread::bytes; }

class ServerConnection final : public net::Disposable,
                               private net::StreamUser,
                               private Responder,
                               private ResponseWriter::Owner,
                               private LingeringClose::Owner {
 public:
  ServerConnection(Server::Impl& server, std::unique_ptr<net::Stream> stream);
  ~ServerConnection() override;

  void start();
  // The server drains: where no request is under way, the wait for one begins again, with the limit of now.
  void await_last_request() {
    if (state_ != State::idle) return;
    deadlines_.restart(now());
    arm_timer();
  }
  // A response under way is reset.
  void end_by_force();
  // When the request began, or the wait for one, of a connection that waits for its client; Time::max(): it does not.
  Time waiting_since() const;

  size_t index() const { return index_; }
  void set_index(size_t index) { index_ = index; }

 private:
  enum class State : uint8_t {
    idle,             // between requests
    reading_headers,  // the first byte of a request has arrived
    exchanging,       // a handler is at work
    draining,         // the response is sent; the rest of the request body is discarded
    lingering,        // our side is ended; a LingeringClose waits for the client's
    switched,         // to another protocol: the stream has another user
    closed,
  };

  // net::StreamUser
  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  void on_stream_error(const Error& error) override;
  void on_write_drained() override;

  // Responder
  const RequestHead& request() const override { return parser_.head(); }
  net::Runtime& runtime() override { return server_.runtime; }
  SocketAddress peer() const override { return peer_; }
  void pause_body() override { body_.set_paused(true); }
  void resume_body() override;
  void send_interim(std::string_view head) override { response_.send_interim(parser_.head(), head); }
  void send_head(uint16_t status, std::string_view head_without_end, uint64_t length) override;
  void send_body(std::string_view piece) override;
  Switched switch_protocols() override;
  void finish() override;
  void abort() override;
  size_t write_pending() const override { return stream_ ? stream_->write_pending() : 0; }
  size_t unacknowledged() const override { return stream_ ? stream_->unacknowledged() : 0; }

  // ResponseWriter::Owner
  void on_write_blocked() override {
    if (state_ != State::lingering) arm_timer();
  }

  // LingeringClose::Owner
  void on_linger_over(bool reset) override;

  // Reading.
  void advance(std::string_view bytes);
  bool advance_once(std::string_view* bytes);
  bool take_headers(std::string_view* bytes);
  bool take_body(std::string_view* bytes);
  bool take_body_event(ParseEvent event);
  bool drain_body(std::string_view* bytes);
  void keep(std::string_view rest);
  void update_reading();
  void wake();

  // The exchange.
  void begin_exchange();
  void call_service();
  void fail_body(const ParseError& error);
  void end_exchange();
  void next_request();
  bool is_responding() const { return handler_ && response_.state() != ResponseWriter::State::finished; }
  bool has_next_request() const;

  // Time.
  Awaits awaits() const;
  void arm_timer();
  void on_timer();
  void on_expired(Awaits what);

  // Ending.
  void refuse(const ParseError& error);
  void begin_linger();
  void lose_client() { end_with(&Handler::on_client_gone); }
  void end_with(void (Handler::*last_call)());
  void close();

  void enter(State state);
  Time now() const { return server_.runtime.now(); }

  Server::Impl& server_;
  std::unique_ptr<net::Stream> stream_;
  const SocketAddress peer_;
  RequestParser parser_;
  ResponseWriter response_;
  InputBuffer input_;
  Deadlines deadlines_;
  net::Timer timer_;
  std::optional<LingeringClose> linger_;
  std::unique_ptr<Handler> handler_;
  size_t index_ = 0;  // in the server's list
  State state_ = State::idle;
  IncomingBody body_;
  bool woken_ = false;         // the timer is armed for advance(), not for a deadline
  bool reading_ = false;       // the stream is
  bool closes_ = false;        // after this response
  bool client_ended_ = false;  // the client has sent FIN
  uint8_t served_ahead_ = 0;   // responses without the close that the server announces, since requests waited
  // Inside advance(), what it has not parsed yet; null outside. Inside it, calls of the handler only note what they ask
  // for.
  const std::string_view* unparsed_ = nullptr;
};

}  // namespace tidegate::http
