// Messages between two processes of one machine, with descriptors: a Unix socket of type SOCK_SEQPACKET. A text of any
// length is one message: a long one travels in a file in memory.
//
// A MessageSocket never waits, but in send_within() and receive_within(): those are for a process that has no loop yet.
// message_channel.h is the same on a loop.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/uv/descriptors.h"

namespace tidegate::net {

struct Message {
  std::string text = {};
  std::vector<Descriptor> descriptors = {};  // at most kDescriptorsMax

  static constexpr size_t kDescriptorsMax = 16;
  static constexpr size_t kTextMax = 16 << 20;  // bytes; a longer one breaks the connection
};

// Who is at the other end, by the kernel.
struct MessagePeer {
  int process;
  unsigned user;
};

class MessageSocket {
 public:
  explicit MessageSocket(Descriptor socket) : socket_(std::move(socket)) {}
  // Both ends, for tests.
  static std::pair<MessageSocket, MessageSocket> pair();
  // Errors: not_found, refused (nobody listens at `path`), invalid (the path is too long), io.
  static Result<MessageSocket> connect(const std::string& path);
  // An end that others connect to, readable by its user alone. A socket that is there already is replaced. Errors:
  // not_found (the folder), conflict (something else is there), invalid, io.
  static Result<Descriptor> listen(const std::string& path);
  // Whether one can listen at `path`, and should. Errors: not_found (its folder is missing, or cannot be looked at),
  // conflict (every user may replace what is in it, or something else is there).
  static Status check_place(const std::string& path);
  // The next connection to what listen() has made; none: there is none now.
  static MessageSocket accept(const Descriptor& listening);

  explicit operator bool() const { return static_cast<bool>(socket_); }
  int descriptor() const { return socket_.number(); }
  MessagePeer peer() const;

  // Nothing is sent any more; the other end receives what was, and then the end.
  void shut_down();

  // Errors: unavailable (it would have to wait), reset (the other end is gone), io.
  Status send(const Message& message);
  // The next message that is there. Errors: unavailable (there is none now), reset, invalid, exhausted (no descriptor
  // was left for what came with it).
  Result<Message> receive();
  // As above, but waits, for at most so long. Errors: timeout instead of unavailable; cancelled (the descriptor `until`
  // is readable).
  Status send_within(const Message& message, Duration time);
  Result<Message> receive_within(Duration time, int until = -1);

 private:
  Status wait(short events, Time deadline, int until, const char* why_late) const;

  Descriptor socket_;
};

}  // namespace tidegate::net
