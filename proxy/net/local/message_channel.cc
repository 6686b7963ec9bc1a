#include "net/local/message_channel.h"

#include <utility>

namespace tidegate::net {

namespace {

constexpr Duration kRetryPause = 1s;  // after a connection that could not be accepted
constexpr int kMessagesMax = 32;      // in one event-loop iteration; the rest in the next

}  // namespace

MessageChannel::MessageChannel(UvRuntime& runtime, MessageSocket socket, Callbacks callbacks)
    : socket_(std::move(socket)),
      callbacks_(std::make_shared<Callbacks>(std::move(callbacks))),
      watch_(watch_fd(runtime, socket_.descriptor(), [this](int) { on_ready(); })) {
  want();
}

MessageChannel::~MessageChannel() { *alive_ = false; }

void MessageChannel::send(Message message) {
  if (!watch_) return;
  unsent_.push_back(std::move(message));
  if (unsent_.size() == 1) write();
  if (watch_) want();
}

void MessageChannel::on_ready() {
  const auto alive = alive_;
  write();
  if (*alive) read();
  if (*alive && watch_) want();
}

void MessageChannel::want() { watch_->want(FdWatch::kReadable | (unsent_.empty() ? 0 : FdWatch::kWritable)); }

// A connection that is broken, or on which a message could not be sent, is noticed by reading, once what has come is
// read.
void MessageChannel::write() {
  while (!unsent_.empty()) {
    const Status sent = socket_.send(unsent_.front());
    if (!sent && sent.error().code == ErrorCode::unavailable) return;
    if (!sent) socket_.shut_down();
    unsent_.pop_front();
  }
}

void MessageChannel::read() {
  const auto alive = alive_;
  const auto callbacks = callbacks_;
  for (int i = 0; i < kMessagesMax && *alive && watch_; ++i) {
    auto message = socket_.receive();
    if (!message) return message.error().code == ErrorCode::unavailable ? void() : fail(message.error());
    callbacks->received(std::move(*message));
  }
}

void MessageChannel::fail(const Error& error) {
  watch_.reset();
  const auto callbacks = callbacks_;
  callbacks->broken(error);
}

Result<std::unique_ptr<MessageListener>> MessageListener::listen(UvRuntime& runtime, const std::string& path,
                                                                 std::function<void(MessageSocket)> connected) {
  auto socket = MessageSocket::listen(path);
  if (!socket) return socket.error();
  return std::unique_ptr<MessageListener>(new MessageListener(runtime, std::move(*socket), std::move(connected)));
}

MessageListener::MessageListener(UvRuntime& runtime, Descriptor socket, std::function<void(MessageSocket)> connected)
    : socket_(std::move(socket)),
      paused_(runtime, [this] { watch_->want(FdWatch::kReadable); }),
      watch_(watch_fd(runtime, socket_.number(), [this, connected = std::move(connected)](int) {
        if (MessageSocket accepted = MessageSocket::accept(socket_)) return connected(std::move(accepted));
        watch_->want(0);
        paused_.start_after(kRetryPause);
      })) {
  watch_->want(FdWatch::kReadable);
}

}  // namespace tidegate::net
