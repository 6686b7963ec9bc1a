// A streaming HTTP/1.1 server on the seam: the proxy's listeners, its admin interface and the two other programs all
// stand on it. It owns parsing, keep-alive, pipelining in order, the time limits, Expect: 100-continue, the framing of
// answers and the draining of bodies that nobody reads.
//
// One connection serves one request at a time; pipelined requests wait, bounded, in its input buffer:
//
//            first byte           head                  answer and body both ended
//   idle ───────────────▶ reading head ──▶ exchanging ───────────────────────────┐
//    ▲                        │ error          │ client gone, abort()            │
//    │                        ▼                ▼                                 │
//    │                     refusing ────▶  closed                                │
//    └───────────────────────────────── keep-alive ◀── draining unread body ◀────┘
//
// Life of one request: Service::on_request is given a Responder and returns the Handler for it. The Handler is told of
// the body and of the client's going; it answers through the Responder. The connection owns the Handler and destroys it
// (at the end of the turn) once the answer has been finished or aborted, or the client has gone. The Responder is the
// connection's: the Handler must not use it after finish(), abort() or on_client_gone().
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/message/head.h"
#include "http/parser/parser.h"
#include "net/runtime.h"

namespace tidegate::http {

struct ServerLimits {
  HeadLimits head;
  uint64_t body_bytes = 32ull << 20;  // larger: on_refused with 413 where the length is known, else body_too_large()
  size_t connections = 10000;         // more are closed on accept
  Duration header_timeout = 5s;       // from the first byte of a head to its end
  Duration body_timeout = 60s;        // the longest silence while a body is awaited
  Duration write_timeout = 60s;       // the longest time without progress while an answer is unsent
  Duration idle_timeout = 120s;       // between requests
};

class Handler : public net::Disposable {
 public:
  // A decoded piece of the request body, valid during the call. Only while the body is not paused.
  virtual void on_body(std::string_view piece) = 0;
  // The whole body has arrived (at once for a request without one). Exactly once, unless the request ends before.
  virtual void on_body_end() = 0;
  // The body breaks a rule while it streams: client_timeout (408), body_too_large (413), bad_request (400). No more of
  // it will come. The handler must answer (if it has not begun) or abort; the connection closes after the answer.
  virtual void on_body_error(const ParseError& error) = 0;
  // The client has gone, or the server is closing the connection by force. Last call; the Responder is dead.
  virtual void on_client_gone() = 0;
  // Bytes held back by write_pending() have left.
  virtual void on_response_drained() = 0;
};

class Responder {
 public:
  virtual const RequestHead& request() const = 0;
  virtual net::Runtime& runtime() = 0;
  virtual SocketAddress peer() const = 0;

  // Backpressure on the request body. A paused body is not read from the socket beyond one buffer.
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;

  // An interim answer (1xx) relayed from elsewhere; 100 Continue is sent by the server itself when the body is first
  // wanted: at once, unless the handler pauses the body in on_request.
  // Begins the answer. `head` is a whole head as HeadWriter wrote it without the framing and connection fields: the
  // server adds "Content-Length" or "Transfer-Encoding: chunked" (1.1) or closes at the end (1.0), and
  // "Connection: close" where it will close. `length`: the body's, or kUnknownLength.
  static constexpr uint64_t kUnknownLength = ~uint64_t{0};
  virtual void send_head(uint16_t status, std::string_view head_without_end, uint64_t length) = 0;
  // REQUIRES send_head. Ignored for HEAD, 204 and 304. More than `length`: the surplus is asserted against.
  virtual void send_body(std::string_view piece) = 0;
  // The answer is whole; the Handler is about to be destroyed. Fewer bytes than `length` promised: aborts.
  virtual void finish() = 0;
  // The answer cannot be completed: the connection is reset, so that it never looks like success.
  virtual void abort() = 0;
  // Unsent bytes of the answer.
  virtual size_t write_pending() const = 0;
  // After this answer the connection closes.
  virtual void close_after_answer() = 0;

  // Convenience: a whole small answer. `fields` is zero or more "Name: value\r\n" lines.
  void answer(uint16_t status, std::string_view content_type, std::string_view body, std::string_view fields = {});

 protected:
  ~Responder() = default;
};

class Service {
 public:
  // Called once the head is whole. The request's head and the Responder stay valid until the handler's end. The
  // handler may answer inside this call or later; it is destroyed only after this call has returned. Null: the request
  // has been answered inside this call, and nothing more is wanted of it.
  virtual std::unique_ptr<Handler> on_request(Responder& responder) = 0;
  // A message that never became a request (400, 431, 408, 413, 505…): the whole answer's content type and body, to be
  // sent before closing. Also where such things are counted and logged.
  struct Refusal {
    std::string content_type;
    std::string body;
    std::string fields;  // zero or more "Name: value\r\n" lines
  };
  virtual Refusal on_refused(const ParseError& error, const SocketAddress& peer) = 0;
  // An answer to a request that was handed out has begun; for who counts them.
  virtual void on_answer(const RequestHead&, uint16_t) {}

 protected:
  ~Service() = default;
};

// Listens on one address on one loop. Service and Runtime outlive it.
class Server {
 public:
  Server(net::Runtime& runtime, const ServerLimits& limits, Service& service);
  // Closes every connection at once; handlers get on_client_gone.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status listen(const SocketAddress& address);
  SocketAddress address() const;  // REQUIRES a successful listen

  // Graceful end: stops listening, closes idle connections, marks the others "Connection: close"; `done` runs (once,
  // later) when the last connection has closed. Destroy the Server to end the rest by force.
  void drain(std::function<void()> done);

  size_t connections() const;

  class Impl;  // server_impl.h

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::http
