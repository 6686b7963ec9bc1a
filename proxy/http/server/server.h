// A streaming HTTP/1.1 server on the seam: the proxy's listeners, its admin interface and the two other programs use
// it. It owns parsing, keep-alive, pipelining in order, the time limits, Expect: 100-continue, the framing of responses
// and the draining of bodies that nobody reads. One connection serves one request at a time; pipelined requests wait,
// bounded, in its input buffer. server_connection.h pictures its states.
//
// Life of a request: Service::on_request gets a Responder and returns the Handler for it. The connection calls the
// Handler with the request body, and when the client has gone; the Handler responds through the Responder. The
// connection owns the Handler and destroys it (at the end of the event-loop iteration) once the response has been
// finished or aborted, or the client has gone. The Responder belongs to the connection: the Handler must not use it
// after finish(), abort() or on_client_gone().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/message/head.h"
#include "http/parser/parser.h"
#include "http/server/connection_count.h"
#include "net/connection_refusal.h"
#include "net/runtime.h"

namespace tidegate::net {
class TlsContext;
}

namespace tidegate::http {

struct ServerLimits {
  HeadLimits head;
  PathRules paths;
  uint64_t body_bytes = 32ull << 20;  // larger: on_refused with 413 where the length is known, else on_body_error
  size_t connections = 10000;         // more are closed on accept
  bool replace_waiting = false;       // instead, if possible: the one that has waited for its client longest is closed
  Duration header_timeout = 5s;       // from the first byte of a request to the end of its headers
  Duration body_timeout = 60s;        // the longest silence while a body is awaited
  Duration write_timeout = 60s;       // the longest time without progress while a response is unsent
  Duration idle_timeout = 120s;       // between requests
};

class Handler : public net::Disposable {
 public:
  // A decoded piece of the request body, valid during the call. Only while the body is not paused.
  virtual void on_body(std::string_view piece) = 0;
  // The whole body has arrived (at once for a request without one). Exactly once, unless the request ends before.
  virtual void on_body_end() = 0;
  // The body breaks a rule while it streams: client_timeout (408), body_too_large (413), bad_request (400). No more of
  // it will come. The handler must respond (if it has not begun to) or abort; the connection closes after the response.
  virtual void on_body_error(const ParseError& error) = 0;
  // The client has gone. The last call; the Responder is dead.
  virtual void on_client_gone() = 0;
  // The same, but it is the server that closes the connection, by force.
  virtual void on_server_ended() { on_client_gone(); }
  // The bytes that write_pending() counted have been sent.
  virtual void on_response_drained() = 0;
};

class Responder {
 public:
  virtual const RequestHead& request() const = 0;
  virtual net::Runtime& runtime() = 0;
  virtual SocketAddress peer() const = 0;

  // Backpressure on the request body. A paused body is not read from the socket beyond one buffer. 100 Continue is sent
  // when the body is first wanted: at once, unless the handler pauses the body in on_request.
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;

  // A 1xx response, likewise written, before send_head. Dropped for an HTTP/1.0 client, which knows none, and beyond
  // kInterimMax of one request.
  static constexpr int kInterimMax = 10;
  virtual void send_interim(std::string_view head_without_end) = 0;
  // Begins the response. `head_without_end`: status line and fields as HeadWriter wrote them, without the framing and
  // connection fields: the server adds "Content-Length" or "Transfer-Encoding: chunked" (1.1) or closes at the end
  // (1.0), and "Connection: close" where it will close. `length`: the body's, or kUnknownLength.
  static constexpr uint64_t kUnknownLength = ~uint64_t{0};
  virtual void send_head(uint16_t status, std::string_view head_without_end, uint64_t length) = 0;
  // REQUIRES send_head. Ignored for HEAD, 204 and 304. More than `length` bytes fail an assertion.
  virtual void send_body(std::string_view piece) = 0;
  // In place of a response: from now on the connection speaks another protocol, and is the handler's. The handler
  // becomes the user of the stream at once, and writes the 101 and all that follows. Of the Handler only
  // on_server_ended is still called; finish() closes the connection, abort() resets it. REQUIRES a request that may
  // switch (requested_upgrade), and a call from outside of the Handler's and the Service's own.
  struct Switched {
    net::Stream& stream;   // until finish() or abort()
    std::string received;  // behind the request
  };
  virtual Switched switch_protocols() = 0;
  // The response is whole; the Handler is about to be destroyed. Fewer bytes than `length` promised: aborts.
  virtual void finish() = 0;
  // The response cannot be completed: the connection is reset, so that it never looks like success.
  virtual void abort() = 0;
  // Unsent bytes of the response.
  virtual size_t write_pending() const = 0;
  // Bytes of the response that the client has not acknowledged (Stream::unacknowledged).
  virtual size_t unacknowledged() const = 0;

  // Convenience: a whole small response. `fields` is zero or more "Name: value\r\n" lines.
  void respond(uint16_t status, std::string_view content_type, std::string_view body, std::string_view fields = {});

 protected:
  ~Responder() = default;
};

class Service {
 public:
  // Called once the request headers are complete. They and the Responder stay valid until the handler's end. The
  // handler may respond inside this call or later; it is destroyed only after this call has returned. Null: the
  // response was finished inside this call, and nothing more is wanted of the request.
  virtual std::unique_ptr<Handler> on_request(Responder& responder) = 0;
  // A message that never became a request (400, 431, 408, 413, 505…): content type and body of the whole response, to
  // be sent before closing. Such messages are counted and logged here.
  struct Refusal {
    std::string content_type;
    std::string body;
    std::string fields;  // zero or more "Name: value\r\n" lines
  };
  virtual Refusal on_refused(const ParseError& error, const SocketAddress& peer) = 0;
  // A client was disconnected on accept: limits.connections, or no descriptor was left. Logged (at intervals); counted
  // here.
  virtual void on_connection_refused(net::ConnectionRefusal) {}
  // A client of a server with TLS has completed its handshake, or failed in it: not where it closed without a byte, as
  // checks of a port do. Failures are logged (at intervals) here.
  virtual void on_tls_handshake(bool) {}
  // A response to a request that was handed out has begun; for services that count responses.
  virtual void on_response(const RequestHead&, uint16_t) {}

 protected:
  ~Service() = default;
};

// Listens on one address on one loop. Service and Runtime outlive it.
class Server {
 public:
  // `connections`: shared with other servers, instead of limits.connections. `tls`: clients speak it; its handshake
  // takes no longer than limits.header_timeout.
  Server(net::Runtime& runtime, const ServerLimits& limits, Service& service,
         std::shared_ptr<ConnectionCount> connections = nullptr, std::shared_ptr<net::TlsContext> tls = nullptr);
  // Closes every connection at once; handlers get on_server_ended.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status listen(const SocketAddress& address);
  // Listens, but no connection is served before serve(): it waits, and is closed if that never comes.
  Status listen_without_serving(const SocketAddress& address);
  void serve();
  SocketAddress address() const;  // REQUIRES a successful listen

  // The sizes hold for requests that begin from now on, the times at once. `connections` stays as it is.
  void set_limits(const ServerLimits& limits);

  // From now on a response says "Connection: close", unless another request of the client waits behind it (pipelined;
  // of those at most as many as the server buffers). All else goes on.
  void announce_close();
  // Graceful end: announces the close, lets no handshake begin, and stops listening once those under way had
  // kHandshakeMax (or `idle_max`, if that is less) to end. A request that still arrives is served; a connection on
  // which none arrives for `idle_max`, from now or from its last response, is closed: at once would be under the
  // requests that are on their way (RFC 9112 section 9.5). `done` runs (once, later) when the last connection has
  // closed and no other can come. Destroy the Server to end the rest by force.
  static constexpr Duration kDrainIdleMax = 1s;
  static constexpr Duration kHandshakeMax = 200ms;  // a round trip of all but the farthest clients
  void drain(std::function<void()> done, Duration idle_max = kDrainIdleMax);

  size_t connections() const;

  class Impl;  // server_impl.h

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::http
