// One connection to a Redis server on one loop: connects by itself and again with back-off, sends commands pipelined in
// the order given, gives every one its reply or an error within a bound. The protocol is hiredis's reader and formatter
// over a net::Stream, so that time, names and connections are the Runtime's own.
//
//        connected, TLS, AUTH, SELECT, PING         broken, silent for command_timeout, protocol error
//   connecting ───────────────────────▶ ready ──────────────────────────────────────────┐
//       ▲  │ failed                                                                      │
//       │  ▼                                                                             │
//     waiting (back-off with jitter) ◀───────────────────────────────────────────────────┘
//
// A command that has been sent and whose connection breaks ends as unavailable or timeout: it may have been run.
// Belongs to its loop's thread. Callbacks run later, never inside a call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/runtime.h"
#include "net/tls/connect_server.h"
#include "redis/address.h"
#include "redis/reply.h"

namespace tidegate::redis {

struct ClientOptions {
  // Name, connection, AUTH, SELECT and PING together; a TLS handshake comes on top.
  Duration connect_timeout = 1s;
  Duration command_timeout = 1s;   // from the call to the reply
  Duration reconnect_base = 50ms;  // doubles up to reconnect_max, with full jitter
  Duration reconnect_max = 2s;
  size_t pending_max = 4096;            // commands without a reply; more are refused: exhausted
  size_t pending_bytes_max = 64 << 20;  // unsent bytes; more are refused: exhausted
  size_t reply_bytes_max = 600 << 20;   // one reply, above the 512 MiB of Redis's own; more breaks the connection
  net::TlsServer tls = {};              // made of the address's own `tls`; used where that is rediss://
};

using ReplyCallback = std::function<void(Result<Reply>)>;

// A Lua script: sent whole the first time on a connection, then as EVALSHA, and whole again where the server has
// lost it (SCRIPT FLUSH).
class Script {
 public:
  explicit Script(std::string source);
  const std::string& source() const { return source_; }
  const std::string& sha1() const { return sha1_; }  // 40 hex digits

 private:
  std::string source_;
  std::string sha1_;
};

class Client {
 public:
  // `runtime` outlives the client. Begins to connect at once. REQUIRES options.tls where the address is rediss://.
  Client(net::Runtime& runtime, Address address, ClientOptions options = {});
  ~Client();  // unanswered callbacks never run
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends a command. While not ready it fails as unavailable at once (later, on this loop): nothing is queued for a
  // server that is unreachable. An error reply is a reply (Kind::error), not an Error. Destroying the operation
  // guarantees silence; the command may be run all the same. REQUIRES a command that is not empty, and none that
  // blocks, subscribes or ends the connection: every command has one reply, at once. Errors: unavailable, timeout,
  // exhausted, invalid (the server does not speak RESP).
  [[nodiscard]] std::unique_ptr<net::Operation> ask(std::vector<std::string> command, ReplyCallback done);
  // EVALSHA script numkeys keys… arguments…; the script must outlive the reply. One that the server has lost is
  // sent again after the commands of the meantime, and has command_timeout again.
  [[nodiscard]] std::unique_ptr<net::Operation> run(const Script& script, std::vector<std::string> keys,
                                                    std::vector<std::string> arguments, ReplyCallback done);

  bool ready() const;
  // Why it is not ready; "" where it is.
  std::string why_not_ready() const;
  // Unsent bytes and unanswered commands, for callers that stream.
  size_t write_pending() const;
  size_t commands_pending() const;
  // Called on this loop after each change of ready(), before the callbacks of pending commands, when the first
  // connection fails, and when one fails for another reason than the last. One listener.
  void on_change(std::function<void()> changed);

  const Address& address() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::redis
