// bench-upstream --listen PORT [--delay-ms N]: the server behind every contestant. One thread; keep-alive HTTP/1.1;
// responses that were built at the start.
//
//   GET /small   200, 13 bytes        POST /post   reads a body of Content-Length, 200, 2 bytes
//   GET /large   200, 1 MiB           POST /job    the same
//                                     anything else: 404, or 411 for a body without a length
//
//   Connection:  Head ──whole head──▶ Body ──whole body──▶ Response ──written──▶ Head
//
// With a delay each response waits that long: n connections get n/delay responses per second.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "flags.h"
#include "socket.h"

namespace tidegate::bench {
namespace {

constexpr std::size_t kHeadBytesMax = 32 * 1024;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

struct Response {
  std::string head;
  std::string body;
};

Response make_response(std::string_view status, std::string body) {
  return {"HTTP/1.1 " + std::string(status) + "\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n",
          std::move(body)};
}

const Response kSmall = make_response("200 OK", "Hello, bench\n");
const Response kPosted = make_response("200 OK", "ok");
const Response kLarge = make_response("200 OK", std::string(1 << 20, 'x'));
const Response kNotFound = make_response("404 Not Found", "not found");
const Response kLengthRequired = make_response("411 Length Required", "length required");

// The value of a field, or empty. Names are compared without case; the head is one that a proxy wrote, so no guard.
std::string_view field(std::string_view head, std::string_view lower_name) {
  for (std::size_t line = head.find('\n'); line != std::string_view::npos; line = head.find('\n', line + 1)) {
    std::string_view rest = head.substr(line + 1);
    if (rest.size() <= lower_name.size() || rest[lower_name.size()] != ':') continue;
    std::size_t same = 0;
    while (same < lower_name.size() && (rest[same] | 0x20) == lower_name[same]) ++same;
    if (same < lower_name.size()) continue;
    rest.remove_prefix(same + 1);
    rest = rest.substr(0, rest.find('\r'));
    return rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
  }
  return {};
}

struct Request {
  const Response* response = &kNotFound;
  std::size_t body_bytes = 0;
  bool closes = false;
};

Request read_head(std::string_view head) {
  Request request;
  const auto starts = [head](std::string_view text) { return head.substr(0, text.size()) == text; };
  if (starts("GET /small ")) request.response = &kSmall;
  if (starts("GET /large ")) request.response = &kLarge;
  if (starts("POST /post ") || starts("POST /job ")) request.response = &kPosted;
  request.closes = field(head, "connection") == "close" || head.find(" HTTP/1.0\r\n") != std::string_view::npos;
  const std::string_view length = field(head, "content-length");
  std::from_chars(length.data(), length.data() + length.size(), request.body_bytes);
  if (length.empty() && (request.response == &kPosted || !field(head, "transfer-encoding").empty())) {
    request.response = &kLengthRequired;
    request.closes = true;
  }
  return request;
}

using Clock = std::chrono::steady_clock;

// All responses wait equally long, so the first to arrive is the first due. Closed connections are removed.
class Delay {
 public:
  explicit Delay(std::chrono::milliseconds length) : length_(length) {}

  Clock::time_point begin(void* connection) {
    const Clock::time_point due = Clock::now() + length_;
    if (length_.count() > 0) waiting_.emplace_back(due, connection);
    return due;
  }
  void forget(void* connection) {
    if (length_.count() > 0) std::erase_if(waiting_, [=](const auto& one) { return one.second == connection; });
  }
  // A connection whose response is due, or null.
  void* next() {
    if (waiting_.empty() || waiting_.front().first > Clock::now()) return nullptr;
    void* connection = waiting_.front().second;
    waiting_.pop_front();
    return connection;
  }
  // Milliseconds until the next one is due; -1: none waits.
  int wait_ms() const {
    if (waiting_.empty()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(waiting_.front().first - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

 private:
  const std::chrono::milliseconds length_;
  std::deque<std::pair<Clock::time_point, void*>> waiting_;
};

class Connection {
 public:
  Connection(Fd fd, Delay& delay) : fd_(std::move(fd)), delay_(delay) {}
  ~Connection() { delay_.forget(this); }

  const Fd& fd() const { return fd_; }

  // Continues until the socket has no more input or accepts no more output. False: the connection has ended.
  bool advance() {
    for (;;) {
      Progress progress = Progress::Over;
      switch (state_) {
        case State::Head: progress = take_head(); break;
        case State::Body: progress = take_body(); break;
        case State::Response: progress = send_response(); break;
      }
      if (progress == Progress::Over) return false;
      if (progress == Progress::Wait) return true;
    }
  }

 private:
  enum class State { Head, Body, Response };
  enum class Progress { Again, Wait, Over };

  Progress take_head() {
    const std::size_t end = in_.find(kHeadEnd);
    if (end == std::string::npos) return in_.size() > kHeadBytesMax ? Progress::Over : read_more();
    request_ = read_head(std::string_view(in_).substr(0, end + kHeadEnd.size()));
    in_.erase(0, end + kHeadEnd.size());
    state_ = State::Body;
    return Progress::Again;
  }

  Progress take_body() {
    const std::size_t taken = std::min(in_.size(), request_.body_bytes);
    in_.erase(0, taken);
    request_.body_bytes -= taken;
    if (request_.body_bytes > 0) return read_more();
    state_ = State::Response;
    due_ = delay_.begin(this);
    written_ = 0;
    return Progress::Again;
  }

  Progress send_response() {
    if (written_ == 0 && due_ > Clock::now()) return Progress::Wait;
    const std::string& head = request_.response->head;
    const std::string& body = request_.response->body;
    const std::size_t head_done = std::min(written_, head.size());
    const std::size_t body_done = written_ - head_done;
    iovec parts[2] = {{const_cast<char*>(head.data()) + head_done, head.size() - head_done},
                      {const_cast<char*>(body.data()) + body_done, body.size() - body_done}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN ? Progress::Wait : Progress::Over;
    written_ += static_cast<std::size_t>(sent);
    if (written_ < head.size() + body.size()) return Progress::Again;
    state_ = State::Head;
    return request_.closes ? Progress::Over : Progress::Again;
  }

  // A short read does not end the loop of advance(): one more read that says EAGAIN costs the upstream's core only.
  Progress read_more() {
    static char buffer[kBufferBytes];
    const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got == 0) return Progress::Over;
    if (got < 0) return errno == EAGAIN ? Progress::Wait : Progress::Over;
    in_.append(buffer, static_cast<std::size_t>(got));
    return Progress::Again;
  }

  Fd fd_;
  Delay& delay_;
  Clock::time_point due_;
  State state_ = State::Head;
  std::string in_;
  Request request_;
  std::size_t written_ = 0;
};

[[noreturn]] void serve(std::uint16_t port, std::chrono::milliseconds delay_length) {
  Delay delay(delay_length);
  Poller poller;
  const Fd listener = listen_loopback(port);
  poller.add(listener, nullptr);
  for (;;) {
    while (auto* due = static_cast<Connection*>(delay.next())) {
      if (!due->advance()) delete due;
    }
    for (const epoll_event& event : poller.wait(delay.wait_ms())) {
      auto* connection = static_cast<Connection*>(event.data.ptr);
      if (connection != nullptr) {
        if (!connection->advance()) delete connection;  // one event a descriptor a batch: nothing else names it
        continue;
      }
      while (Fd fd = accept_next(listener)) {
        auto* accepted = new Connection(std::move(fd), delay);  // owned by its registration until it is over
        poller.add(accepted->fd(), accepted);
      }
    }
  }
}

}  // namespace
}  // namespace tidegate::bench

int main(int argc, char** argv) {
  using namespace tidegate::bench;
  Flags flags(argc, argv);
  const std::uint16_t port = flags.port("listen");
  const std::chrono::milliseconds delay(flags.number("delay-ms", 0, 60'000, 0));
  flags.finish();
  serve(port, delay);
}
