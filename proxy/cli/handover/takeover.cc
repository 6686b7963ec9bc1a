#include "cli/handover/takeover.h"

#include <unistd.h>

#include <utility>

#include <fmt/format.h>

#include "base/assert.h"
#include "base/log.h"

namespace tidegate::cli {

namespace {

constexpr Duration kAnswerMax = 10s;  // beyond what the other process has said that it needs
constexpr Duration kCommitMax = 10s;
constexpr std::string_view kOurs = "takeover: ";  // what errors of a takeover begin with here
constexpr const char* kBrokenProtocol = "takeover: the other process does not follow the protocol";

}  // namespace

Result<std::unique_ptr<Takeover>> Takeover::connect(const std::string& path) {
  auto socket = net::MessageSocket::connect(path);
  if (!socket) {
    const ErrorCode code = socket.error().code;
    if (code == ErrorCode::not_found || code == ErrorCode::refused) return std::unique_ptr<Takeover>();
    return socket.error();
  }
  std::unique_ptr<Takeover> takeover(new Takeover(std::move(*socket)));
  const net::MessagePeer peer = takeover->socket_.peer();
  if (peer.user != ::geteuid()) {
    return Error{ErrorCode::invalid, "takeover: a process of another user listens on " + path};
  }
  takeover->other_ = peer.process;
  if (const Status sent = takeover->socket_.send_within(make_message(Kind::hello, kProtocol), kAnswerMax); !sent) {
    return Error{sent.error().code, "takeover: " + sent.error().message};
  }
  return takeover;
}

void Takeover::move_on(State state) {
  static constexpr const char* kNames[] = {"connected", "prepared", "opening", "serving", "alone"};
  state_ = state;
  log_info("takeover_step", {{"process", other_}, {"step", kNames[static_cast<size_t>(state)]}});
}

Status Takeover::told_to_stop() const {
  if (*stop_.came() == '\0') return Ok{};
  return Error{ErrorCode::cancelled, fmt::format("takeover: {} before it was done", stop_.came())};
}

// The next message but `wait`, after which the time begins anew. That the other process refuses, or has failed, is an
// error.
Result<net::Message> Takeover::receive(Duration time) {
  auto message = socket_.receive_within(time, stop_.descriptor());
  if (const Status told = told_to_stop(); !told) return told.error();
  if (!message) return Error{message.error().code, "takeover: " + message.error().message};
  const auto kind = kind_of(*message);
  if (kind == Kind::wait) {
    const auto wait = read_wait(*message);
    if (!wait) return Error{ErrorCode::invalid, kBrokenProtocol};
    log_info("takeover_waits", {{"process", other_}, {"reason", wait->what}, {"limit_s", to_seconds(wait->time_max)}});
    return receive(wait->time_max + kAnswerMax);
  }
  if (kind != Kind::refused && kind != Kind::failed) return message;
  const std::string what = state_ == State::connected ? "refused" : fmt::format("process {} serves on", other_);
  return Error{ErrorCode::refused, fmt::format("takeover: {}: {}", what, message->text.substr(1))};
}

// The other process may have ended: the next await() finds that out.
Status Takeover::send(const net::Message& message) {
  const Status sent = socket_.send_within(message, kAnswerMax);
  if (sent || sent.error().code == ErrorCode::reset) return Ok{};
  return Error{sent.error().code, "takeover: " + sent.error().message};
}

// The next message, which must be of that kind; none: the other process has ended.
Result<std::optional<net::Message>> Takeover::await(Kind kind, Duration time) {
  auto message = receive(time);
  if (!message && message.error().code == ErrorCode::reset) {
    move_on(State::alone);
    return std::optional<net::Message>();
  }
  if (!message) return message.error();
  if (kind_of(*message) == kind) return std::optional(std::move(*message));
  return Error{ErrorCode::invalid, kBrokenProtocol};
}

Result<std::vector<net::InheritedSocket>> Takeover::receive_sockets() {
  std::vector<net::InheritedSocket> sockets;
  for (;;) {
    auto message = receive(kAnswerMax);
    if (!message && message.error().code == ErrorCode::reset) {
      return Error{ErrorCode::reset,
                   fmt::format("takeover: process {} has ended before it gave its sockets: start again", other_)};
    }
    if (!message) return message.error();
    const auto kind = kind_of(*message);
    if (kind == Kind::sockets_end) break;
    auto socket = kind == Kind::socket ? read_socket(std::move(*message)) : std::nullopt;
    const auto bound = socket ? net::adopt_listening_socket(socket->socket) : Error{ErrorCode::invalid, ""};
    if (!bound) return Error{ErrorCode::invalid, kBrokenProtocol};
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

Status Takeover::await_queues(const Prepared& prepared) {
  if (Status sent = send(prepared_message(prepared)); !sent) return sent;
  move_on(State::prepared);
  auto released = await(Kind::released, kAnswerMax);
  if (!released) return released.error();
  if (!alone()) move_on(State::opening);
  return Ok{};
}

Status Takeover::await_commit() {
  if (Status told = told_to_stop(); !told) return told;
  if (!alone()) {
    if (Status sent = send(make_message(Kind::opened)); !sent) return sent;
    auto commit = await(Kind::commit, kCommitMax);
    if (!commit) return commit.error();
  }
  stop_.end();
  if (Status told = told_to_stop(); !told) return told;
  if (!alone()) move_on(State::serving);
  return Ok{};
}

void Takeover::fail(std::string_view reason) {
  if (state_ >= State::serving) return;
  if (reason.starts_with(kOurs)) reason.remove_prefix(kOurs.size());  // the other process's log says it in its own way
  [[maybe_unused]] const Status sent = socket_.send(make_message(Kind::failed, reason));
}

void Takeover::serve(net::UvRuntime& runtime, jobs::QueueService::QueueOf queue_of) {
  if (alone()) return;
  TG_ASSERT(state_ == State::serving);
  service_ = std::make_unique<jobs::QueueService>(runtime, std::move(queue_of), [this](net::Message answer) {
    if (channel_) channel_->send(with_kind(Kind::answer, std::move(answer)));
  });
  const auto end = [this](const Error&) {
    move_on(State::alone);
    service_.reset();
    channel_.reset();
  };
  const auto received = [this, end](net::Message message) {
    const bool understood = kind_of(message) == Kind::call && service_->on_call(without_kind(std::move(message)));
    if (!understood) end({ErrorCode::invalid, "not a call"});
  };
  channel_ =
      std::make_unique<net::MessageChannel>(runtime, std::move(socket_), net::MessageChannel::Callbacks{received, end});
  channel_->send(make_message(Kind::serving));
}

}  // namespace tidegate::cli
