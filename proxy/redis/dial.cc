#include "redis/dial.h"

#include <array>
#include <string_view>
#include <vector>

#include "net/timer.h"
#include "redis/command.h"
#include "redis/reply_reader.h"

namespace tidegate::redis {

namespace {

constexpr size_t kGreetingBytesMax = 64 << 10;

// The server cannot serve us now. Any other error reply to PING (a rule that forbids it, MISCONF) is one that
// commands may meet or not, and is reported to them.
bool is_refusal(std::string_view error) {
  static constexpr std::array<std::string_view, 4> kCodes = {"LOADING", "NOAUTH", "MASTERDOWN", "BUSY"};
  for (const std::string_view code : kCodes) {
    if (error.starts_with(code)) return true;
  }
  return false;
}

class Dial final : public net::Operation, private net::StreamUser {
 public:
  Dial(net::Runtime& runtime, const Address& address, const net::TlsServer& tls, Duration timeout, DialCallback done)
      : address_(address),
        deadline_(runtime.now() + timeout + tls.time_max()),
        done_(std::move(done)),
        timer_(runtime, [this] {
          end(Error{ErrorCode::timeout, "no connection in time"});
        }) {
    connecting_ = net::connect_server(runtime, address.host, address.port, tls, timeout,
                                      [this](auto stream) { on_connected(std::move(stream)); });
  }

 private:
  void on_connected(Result<std::unique_ptr<net::Stream>> stream) {
    if (!stream.ok()) return end(stream.error());
    timer_.start_at(deadline_);
    stream_ = std::move(*stream);
    stream_->set_user(this);
    stream_->start_reading();
    greet();
  }

  void greet() {
    if (!address_.password.empty()) {
      std::vector<std::string_view> auth = {"AUTH"};
      if (!address_.user.empty()) auth.emplace_back(address_.user);
      auth.emplace_back(address_.password);
      say(auth);
    }
    if (address_.database != 0) say({"SELECT", std::to_string(address_.database)});
    say({"PING"});
  }

  void say(const std::vector<std::string_view>& command) {
    stream_->write(Command(command).bytes());
    ++replies_due_;
  }

  void on_read(std::string_view bytes) override {
    reader_.feed(bytes);
    while (replies_due_ > 0) {
      auto reply = reader_.next();
      if (!reply.ok()) return end(reply.error());
      if (!reply->has_value()) return;
      const bool is_ping = --replies_due_ == 0;
      const Reply& received = **reply;
      if (received.is_error() && (!is_ping || is_refusal(received.text)))
        return end(Error{ErrorCode::unavailable, "the server replied: " + received.text});
    }
    end(std::move(stream_));
  }

  void on_read_end() override { end(Error{ErrorCode::reset, "the server has closed the connection"}); }
  void on_stream_error(const Error& error) override { end(error); }
  void on_write_drained() override {}

  // The only end. The callback may destroy this operation, so it is the last thing done.
  void end(Result<std::unique_ptr<net::Stream>> result) {
    timer_.stop();
    connecting_.reset();
    if (!result.ok()) stream_.reset();
    const DialCallback done = std::move(done_);
    done(std::move(result));
  }

  const Address address_;
  const Time deadline_;
  DialCallback done_;
  net::Timer timer_;  // of the greeting; connecting has a time limit of its own
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<net::Stream> stream_;  // connected
  ReplyReader reader_{kGreetingBytesMax};
  int replies_due_ = 0;
};

}  // namespace

std::unique_ptr<net::Operation> dial(net::Runtime& runtime, const Address& address, const net::TlsServer& tls,
                                     Duration timeout, DialCallback done) {
  return std::make_unique<Dial>(runtime, address, tls, timeout, std::move(done));
}

}  // namespace tidegate::redis
