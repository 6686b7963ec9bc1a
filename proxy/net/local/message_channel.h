// A MessageSocket on a loop, and the socket that others connect to.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "net/local/message_socket.h"
#include "net/timer.h"
#include "net/uv/fd_watch.h"
#include "net/uv/uv_runtime.h"

namespace tidegate::net {

// On its loop. Destroying it closes the connection and guarantees silence; it may be destroyed inside its callbacks.
class MessageChannel {
 public:
  struct Callbacks {
    std::function<void(Message)> received;
    std::function<void(const Error&)> broken;  // the last call: the other end is gone, or has broken a rule
  };

  MessageChannel(UvRuntime& runtime, MessageSocket socket, Callbacks callbacks);
  ~MessageChannel();

  // Never waits: what the other process has not read yet is kept.
  void send(Message message);
  MessagePeer peer() const { return socket_.peer(); }

 private:
  void on_ready();
  void read();
  void write();
  void want();
  void fail(const Error& error);

  MessageSocket socket_;
  std::shared_ptr<Callbacks> callbacks_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::deque<Message> unsent_;
  std::unique_ptr<FdWatch> watch_;
};

// Listens at a path until it is destroyed. The path stays: whoever listens next replaces it.
class MessageListener {
 public:
  // Errors: as for MessageSocket::listen.
  static Result<std::unique_ptr<MessageListener>> listen(UvRuntime& runtime, const std::string& path,
                                                         std::function<void(MessageSocket)> connected);

 private:
  MessageListener(UvRuntime& runtime, Descriptor socket, std::function<void(MessageSocket)> connected);

  const Descriptor socket_;
  Timer paused_;  // no descriptor is left for a connection
  std::unique_ptr<FdWatch> watch_;
};

}  // namespace tidegate::net
