// One client's connection. Internal to the server; server.h tells and pictures what it does.
//
// Bytes come in through on_read, are parsed from where they lie, and only what must wait is copied into input_:
// pipelined requests while an exchange runs, a body while it is paused. advance() is the one loop that takes events
// from the parser; callbacks of the handler may answer, pause or abort inside it. Outside it, whatever needs the loop
// again asks for a wake-up in the next turn, so that no handler is called inside its own call.
//
// One timer serves all limits: it is armed for the earliest and, when it fires early, armed anew for what is due then.
// So a byte that arrives costs a store, not a heap operation.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/parser/parser.h"
#include "http/server/server_impl.h"
#include "net/runtime.h"
#include "net/stream.h"
#include "net/timer.h"

namespace tidegate::http {

class ServerConnection final : public net::Disposable, private net::StreamUser, private Responder {
 public:
  ServerConnection(Server::Impl& server, std::unique_ptr<net::Stream> stream);
  ~ServerConnection() override;

  void start();
  void flush();  // sends what is held back
  void close_if_idle();
  void end_by_force();

  size_t index() const { return index_; }
  void set_index(size_t index) { index_ = index; }

 private:
  // What is thrown away of a body nobody reads, or after our end of the connection.
  static constexpr size_t kDiscardBytesMax = 256 * 1024;

  enum class State : uint8_t {
    idle,        // between requests, or inside a head
    exchanging,  // a handler is at work
    draining,    // answered; the unread rest of the body is thrown away
    lingering,   // our side is ended; what the client still sends is thrown away until it has read the answer
    closed,
  };
  enum class Body : uint8_t { coming, ended, failed };  // of the request
  enum class Answer : uint8_t { none, begun, finished };
  enum class Coding : uint8_t { none, counted, chunked, until_close };  // of the answer's body

  // net::StreamUser
  void on_read(std::string_view bytes) override;
  void on_read_end() override;
  void on_stream_error(const Error& error) override;
  void on_write_drained() override;

  // Responder
  const RequestHead& request() const override { return parser_.head(); }
  net::Runtime& runtime() override { return server_.runtime; }
  SocketAddress peer() const override { return peer_; }
  void pause_body() override;
  void resume_body() override;
  void send_head(uint16_t status, std::string_view head_without_end, uint64_t length) override;
  void send_body(std::string_view piece) override;
  void finish() override;
  void abort() override;
  size_t write_pending() const override;
  void close_after_answer() override { closes_ = true; }

  // Reading: server_connection.cc
  void advance(std::string_view bytes);
  bool advance_once(std::string_view* bytes);
  bool take_head(std::string_view* bytes);
  bool take_body(std::string_view* bytes);
  bool take_body_event(ParseEvent event);
  bool drain_body(std::string_view* bytes);
  void begin_exchange();
  void call_service();
  void fail_body(const ParseError& error);
  void end_exchange();
  void next_request();
  void keep_rest(std::string_view rest);
  void wake();

  // Ending: server_closing.cc
  void refuse(const ParseError& error);
  void begin_linger();
  void linger_read(size_t bytes);
  void linger_drained();
  void close();
  void lose_client();

  // Time: server_timing.cc
  Time next_deadline();
  void arm_timer();
  void on_timer();
  void on_deadline();
  void on_exchange_deadline(Time now);
  bool is_write_stuck();

  // Answering: server_answer.cc
  void choose_coding(uint16_t status, uint64_t length);
  void append_own_fields(std::string_view head, uint16_t status, uint64_t length);
  void send_chunk(std::string_view piece);
  void hold();
  void write(std::span<const std::string_view> pieces);
  void send_continue();
  bool is_body_rest_too_long() const;

  Server::Impl& server_;
  std::unique_ptr<net::Stream> stream_;
  const SocketAddress peer_;
  RequestParser parser_;
  bool head_spent_ = false;  // of an exchange that has ended; kept until the next one, for its handler
  std::unique_ptr<Handler> handler_;
  net::Timer timer_;
  std::string input_;  // received, not parsed yet
  size_t input_begin_ = 0;
  std::string output_;  // of the answer, held back for what follows in this turn; lent by the server
  size_t index_ = 0;    // in the server's list

  State state_ = State::idle;
  Body body_ = Body::ended;
  Answer answer_ = Answer::none;
  Coding coding_ = Coding::none;
  bool paused_ = false;     // the handler wants no body for now
  bool advancing_ = false;  // inside advance(): handlers' calls only note what they ask for
  bool woken_ = false;      // advance() is due next turn
  bool reading_ = false;
  bool held_ = false;          // output_ is registered for flushing
  bool closes_ = false;        // after this answer
  bool continue_due_ = false;  // the client waits for 100 Continue
  bool client_ended_ = false;  // the client has sent FIN

  uint64_t body_received_ = 0;
  uint64_t answer_left_ = 0;   // bytes promised and not given yet (counted)
  uint64_t written_ = 0;       // bytes given to the stream
  uint64_t acknowledged_ = 0;  // of them, taken by the kernel when last looked at
  size_t discarded_ = 0;       // while draining or lingering
  size_t waiting_ = 0;         // pipelined heads in input_, counted roughly
  Time state_since_{};         // idle, head begun, draining, lingering
  Time body_progress_{};
  Time write_progress_{};
  bool head_begun_ = false;
};

}  // namespace tidegate::http
