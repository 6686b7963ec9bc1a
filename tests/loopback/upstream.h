// The upstream of the loopback tests: the production server on a real port. Each test sets its behaviour; it records
// the requests.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server/server.h"
#include "net/runtime.h"

namespace tidegate::loopback {

// A request as the upstream received it. Kept after its end.
struct Seen {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;  // unless keep_bodies is off
  uint64_t body_bytes = 0;
  bool whole = false;  // all of it has arrived
  bool gone = false;   // the client disconnected before the response
  // The first value of that name (lower case), or "".
  std::string field(std::string_view name) const;
  size_t count(std::string_view name) const;
};

struct Behaviour {
  enum class Kind {
    respond,        // when the request is whole
    respond_early,  // when its headers have arrived
    hold,           // not before release()
    hang_up,        // breaks the connection when the request is whole
    break_off,      // half of the body, then breaks the connection
    stop,           // half of the body, then nothing more
    stream,         // stream_bytes of filler
  };
  Kind kind = Kind::respond;
  uint16_t status = 200;
  std::string fields = {};  // "Name: value\r\n" lines
  std::string body = "hello";
  bool chunked = false;  // the response has no known length
  uint64_t stream_bytes = 0;
};

class Upstream final : public http::Service {
 public:
  // Listens on a free port of 127.0.0.1.
  explicit Upstream(net::Runtime& runtime, std::shared_ptr<net::TlsContext> tls = nullptr);
  ~Upstream();

  uint16_t port() const { return server_->address().port; }
  void behave(Behaviour behaviour) { behaviour_ = std::move(behaviour); }
  // Responds to the held requests as `behaviour` says.
  void release(Behaviour behaviour);
  size_t connections() const { return server_->connections(); }

  std::deque<Seen> seen;
  bool keep_bodies = true;
  bool may_get_nonsense = false;  // of a client that speaks TLS to it

 private:
  class Call;
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;

  net::Runtime& runtime_;
  Behaviour behaviour_;
  std::vector<Call*> held_;
  std::unique_ptr<http::Server> server_;
};

// An upstream that sends arbitrary bytes, for responses that the production server cannot produce: it waits for the end
// of the request headers, sends `script`, and ends the connection if it is told to.
class RawUpstream {
 public:
  explicit RawUpstream(net::Runtime& runtime);
  ~RawUpstream();
  uint16_t port() const { return listener_->address().port; }
  // Closes every connection at once, as an upstream whose idle timeout is over; or resets it, as one that has ended.
  void close_connections();
  void reset_connections();
  // On the connection that was accepted last, which must be open.
  void send(std::string_view bytes);
  void end();

  std::string script;
  bool hangs_up = false;         // FIN after the script
  bool closes = false;           // the whole connection after the script: what is unread makes it a reset
  std::string received;          // all bytes of all connections
  bool keep = true;              // false: not even the bytes
  bool ends_with_client = true;  // its side, when the client has ended its own
  int ended = 0;                 // connections that clients have ended
  int broken = 0;                // … or reset
  int accepted = 0;

 private:
  class Connection;
  net::Runtime& runtime_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace tidegate::loopback
