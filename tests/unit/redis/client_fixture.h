// A client on either runtime, and a peer that sends what the test wants.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "redis/client.h"
#include "unit/net/both_runtimes.h"

namespace tidegate::test {

using redis::Reply;
using Kind = redis::Reply::Kind;

// What became of one command.
struct Asked {
  std::unique_ptr<net::Operation> handle;
  std::optional<Result<Reply>> result;

  redis::ReplyCallback callback() {
    return [this](Result<Reply> reply) { result = std::move(reply); };
  }
  const Reply& reply() const {
    REQUIRE(result.has_value());
    REQUIRE_MESSAGE(result->ok(), (result->ok() ? "" : result->error().message));
    return **result;
  }
  ErrorCode error() const {
    REQUIRE(result.has_value());
    REQUIRE_FALSE(result->ok());
    return result->error().code;
  }
};

template <typename Loop>
struct ClientFixture {
  Loop loop;
  redis::Client client;

  explicit ClientFixture(const redis::Address& address, const redis::ClientOptions& options = {})
      : client(loop.runtime(), address, options) {}

  bool becomes_ready(bool ready = true) {
    return loop.run_until([&] { return client.ready() == ready; });
  }
  void begin(Asked& asked, std::vector<std::string> command) {
    asked.handle = client.ask(std::move(command), asked.callback());
  }
  void begin(Asked& asked, const redis::Script& script, std::vector<std::string> keys,
             std::vector<std::string> arguments) {
    asked.handle = client.run(script, std::move(keys), std::move(arguments), asked.callback());
  }
  void finish(Asked& asked) {
    REQUIRE(loop.run_until([&] { return asked.result.has_value(); }));
  }
  Reply ask(std::vector<std::string> command) {
    Asked asked;
    begin(asked, std::move(command));
    finish(asked);
    return asked.reply();
  }
  Reply run(const redis::Script& script, std::vector<std::string> keys, std::vector<std::string> arguments) {
    Asked asked;
    begin(asked, script, std::move(keys), std::move(arguments));
    finish(asked);
    return asked.reply();
  }
};

// Listens in the simulated network, greets (PING with +PONG) and then answers each read with the next of `answers`.
class ScriptedPeer final {
 public:
  explicit ScriptedPeer(net::Runtime& runtime) {
    auto listener = runtime.listen(any_port(), [this](std::unique_ptr<net::Stream> stream) {
      ++accepted;
      guests_.push_back(std::make_unique<Guest>(*this, std::move(stream)));
    });
    REQUIRE(listener.ok());
    listener_ = std::move(*listener);
  }
  redis::Address address() const {
    redis::Address out;
    out.host = "127.0.0.1";
    out.port = listener_->address().port;
    return out;
  }
  void close_all() { guests_.clear(); }
  void say(std::string_view bytes) { guests_.back()->stream->write(bytes); }

  std::string greeting = "+PONG\r\n";
  std::vector<std::string> answers;
  size_t next = 0;
  int accepted = 0;
  std::string heard;

 private:
  struct Guest final : net::StreamUser {
    Guest(ScriptedPeer& owner, std::unique_ptr<net::Stream> connected) : peer(owner), stream(std::move(connected)) {
      stream->set_user(this);
      stream->start_reading();
    }
    void on_read(std::string_view bytes) override {
      peer.heard.append(bytes);
      if (!std::exchange(greeted, true)) return stream->write(peer.greeting);
      if (peer.next < peer.answers.size()) stream->write(peer.answers[peer.next++]);
    }
    void on_read_end() override {}
    void on_stream_error(const Error&) override {}
    void on_write_drained() override {}
    ScriptedPeer& peer;
    std::unique_ptr<net::Stream> stream;
    bool greeted = false;
  };
  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Guest>> guests_;
};

}  // namespace tidegate::test
