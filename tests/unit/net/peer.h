// Two connected ends on either runtime, each recording its callbacks. A hook runs inside its callback, for tests of
// what an owner may do there; a call after the stream has gone is counted, and must never be.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/runtime.h"
#include "net/stream.h"
#include "net/tls/tls_handshake.h"
#include "support/tls_contexts.h"
#include "unit/net/both_runtimes.h"

namespace tidegate::test {

class Peer final : public net::StreamUser {
 public:
  void adopt(std::unique_ptr<net::Stream> connected, bool read = true) {
    stream = std::move(connected);
    stream->set_user(this);
    if (read) stream->start_reading();
  }
  void close() { stream.reset(); }
  bool over() const { return ended || error.has_value(); }

  std::unique_ptr<net::Stream> stream;
  bool keep = true;  // false: only counts what it reads
  std::string received;
  size_t received_bytes = 0;
  int reads = 0;
  int ends = 0;
  int drains = 0;
  int errors = 0;
  int write_failures = 0;
  bool reads_after_write_failure = false;
  bool ended = false;
  std::optional<Error> error;
  int calls_when_closed = 0;

  std::function<void()> in_read, in_end, in_error, in_drained;

 private:
  void on_read(std::string_view bytes) override {
    called();
    ++reads;
    received_bytes += bytes.size();
    if (keep) received.append(bytes);
    CHECK_FALSE(bytes.empty());
    if (in_read) in_read();
  }
  void on_read_end() override {
    called();
    ++ends;
    ended = true;
    if (in_end) in_end();
  }
  bool on_write_failed() override {
    called();
    ++write_failures;
    return reads_after_write_failure;
  }
  void on_stream_error(const Error& what) override {
    called();
    ++errors;
    error = what;
    if (in_error) in_error();
  }
  void on_write_drained() override {
    called();
    ++drains;
    if (in_drained) in_drained();
  }
  void called() {
    if (!stream) ++calls_when_closed;
  }
};

// A little time passes: what was going to be said has been said.
template <typename Loop>
void settle(Loop& loop) {
  bool over = false;
  net::Timer timer(loop.runtime(), [&over] { over = true; });
  timer.start_after(20ms);
  REQUIRE(loop.run_until([&] { return over; }));
}

template <typename Loop>
struct Pair {
  struct Options {
    bool client_reads = true;
    bool server_reads = true;
  };
  explicit Pair(Options options = {true, true}) {
    auto made = loop.runtime().listen(any_port(), [this, options](std::unique_ptr<net::Stream> stream) {
      secure(Side::server, std::move(stream), options.server_reads);
    });
    REQUIRE(made.ok());
    listener = std::move(*made);
    connecting = loop.runtime().connect(listener->address(), [this, options](auto result) {
      REQUIRE(result.ok());
      secure(Side::client, std::move(*result), options.client_reads);
    });
    REQUIRE(until([this] { return client.stream && server.stream; }));
    if constexpr (Loop::kTls) settle(loop);  // what a server sends after the handshake has arrived
  }
  bool until(const std::function<bool()>& ready) { return loop.run_until(ready); }

  Loop loop;
  Peer client, server;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<net::Operation> connecting;

 private:
  enum class Side { client, server };
  void secure(Side side, std::unique_ptr<net::Stream> stream, bool reads) {
    Peer& peer = side == Side::client ? client : server;
    if constexpr (!Loop::kTls) {
      peer.adopt(std::move(stream), reads);
    } else {
      auto engine = side == Side::client
                        ? std::make_unique<net::TlsEngine>(
                              client_context({.ca_file = Authority::of_program().ca_file()})->current(),
                              net::TlsServerName{"127.0.0.1", "pair"})
                        : std::make_unique<net::TlsEngine>(server_context(Authority::server_of_program())->current());
      handshakes_[side == Side::client ? 0 : 1] =
          net::tls_handshake(loop.runtime(), std::move(stream), std::move(engine), 5s, [&peer, reads](auto secured) {
            REQUIRE(secured.ok());
            peer.adopt(std::move(*secured), reads);
          });
    }
  }

  std::unique_ptr<net::Operation> handshakes_[2];
};

}  // namespace tidegate::test
