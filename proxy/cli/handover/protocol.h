// What the two processes of a takeover say to each other, over a Unix socket. Each sentence is one message; its first
// byte is its kind.
//
//   the next process                                       the one that serves
//   hello ─────────────────────────────────────────────▶  (or refused)
//                    ◀──────────────────── wait (something else must end first: what, and how long that may take), …
//                    ◀──────────────────── socket, socket, …, sockets_end
//   prepared: what it will listen on, its queues ──────▶  ends job runs, closes the queues
//                    ◀──────────────────────────────────── wait
//                    ◀──────────────────────────────────── released
//   opened: it has the queues ─────────────────────────▶
//                    ◀──────────────────────────────────── commit: the next process may serve
//   serving: it accepts connections ───────────────────▶  drains
//                    ◀──────────────────────────────────── call, call, …: of requests still in flight
//   answer, answer, … ─────────────────────────────────▶  ends
//
// Until commit both may say `failed`, with the reason, and everything is as it was before. So it is if the next process
// ends before it says that it serves.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "jobs/handover/call.h"
#include "net/local/message_socket.h"
#include "net/uv/listening_sockets.h"

namespace tidegate::cli {

enum class Kind : uint8_t {
  hello = 1,
  refused,
  socket,
  sockets_end,
  prepared,
  released,
  opened,
  commit,
  serving,
  failed,
  call,
  answer,
  wait,
};

// None: not of any kind.
std::optional<Kind> kind_of(const net::Message& message);
net::Message make_message(Kind kind, std::string_view payload = {});
// The message of a call or an answer, with its kind in front; and without it.
net::Message with_kind(Kind kind, net::Message message);
net::Message without_kind(net::Message message);

// Of hello: who understands something else is refused. The number changes with what the messages are, with that of
// calls (jobs/handover/call.h), and with the numbers of ErrorCode and JobStatus.
inline constexpr std::string_view kProtocol = "tidegate-takeover-2";

net::Message socket_message(net::InheritedSocket socket);
std::optional<net::InheritedSocket> read_socket(net::Message message);

struct Wait {
  Duration time_max;  // whole milliseconds, at most kMax
  std::string what;

  static constexpr Duration kMax = std::chrono::hours(24 * 1000);
};

net::Message wait_message(const Wait& wait);
// None: it breaks the rules above; so it is with read_prepared().
std::optional<Wait> read_wait(const net::Message& message);

struct PreparedQueue {
  std::string name;
  std::string store;  // store_of() of it
};

struct Prepared {
  std::vector<SocketAddress> addresses;  // of the sockets given that it will accept from
  std::vector<PreparedQueue> queues;     // that it will open
};

net::Message prepared_message(const Prepared& prepared);
std::optional<Prepared> read_prepared(const net::Message& message);

}  // namespace tidegate::cli
