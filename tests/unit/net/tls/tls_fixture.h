// A client and a server that meet over TLS on either runtime, with contexts of the test's; and a server that is
// scripted below TLS: it sends records, parts of them, or something else.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "net/tls/tls_handshake.h"
#include "support/tls_contexts.h"
#include "unit/net/peer.h"

namespace tidegate::test {

// Below TLS it is a plain peer; what that reads goes to an engine. Outlives the meeting.
class ScriptedServer {
 public:
  explicit ScriptedServer(const ContextPtr& context) : engine(context->current()) {}
  void serve(Peer& accepted) {
    peer = &accepted;
    peer->in_read = [this] { take(); };
  }
  // As the client will see it; `at_once` bytes in each write.
  void say(std::string_view text, size_t at_once = SIZE_MAX) {
    REQUIRE(engine.write(std::span(&text, 1)) == net::TlsEngine::Step::done);
    send(engine.take_output(), at_once);
  }
  void send(std::string_view bytes, size_t at_once = SIZE_MAX) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(at_once, bytes.size()))) {
      peer->stream->write(bytes.substr(0, at_once));
    }
  }

  Peer* peer = nullptr;  // of the meeting, below TLS
  net::TlsEngine engine;
  bool complete = false;
  std::string heard;  // decrypted
  size_t handshake_at_once = SIZE_MAX;

 private:
  void take() {
    const std::string bytes = std::exchange(peer->received, {});
    engine.feed(bytes);
    if (!complete) complete = engine.handshake() == net::TlsEngine::Step::done;
    send(engine.take_output(), handshake_at_once);
    std::array<char, 1000> buffer;
    for (size_t count = 1; complete && count > 0;) {
      engine.read(buffer, count);
      heard.append(buffer.data(), count);
    }
    engine.keep_rest();
  }
};

template <typename Loop>
class Meeting {
 public:
  // A server that is a plain peer; `accepted`: what it does with a connection.
  explicit Meeting(const std::function<void(Peer&)>& accepted) {
    listen([this, accepted](std::unique_ptr<net::Stream> stream) {
      server.adopt(std::move(stream));
      accepted(server);
    });
  }
  // A server of that context.
  explicit Meeting(ContextPtr server_side) {
    listen([this, server_side](std::unique_ptr<net::Stream> stream) {
      accepting_ =
          net::tls_handshake(loop.runtime(), std::move(stream),
                             std::make_unique<net::TlsEngine>(server_side->current()), 5s, [this](auto secured) {
                               if (secured) return server.adopt(std::move(*secured));
                               server_error = secured.error().message;
                             });
    });
  }

  // Connects, and waits for what comes of it: "" or why it failed.
  std::string connect(ContextPtr context, const std::string& name = "127.0.0.1", Duration timeout = 5s) {
    bool over = false;
    std::string reason;
    const auto connect = [&](net::ConnectCallback done) { return connect_plainly(std::move(done)); };
    const auto connecting = net::connect_tls(loop.runtime(), {std::move(context), {name, "server"}, timeout}, connect,
                                             [&](Result<std::unique_ptr<net::Stream>> secured) {
                                               over = true;
                                               if (secured) client.adopt(std::move(*secured));
                                               else reason = secured.error().message;
                                             });
    REQUIRE(until([&] { return over; }));
    return reason;
  }
  std::unique_ptr<net::Operation> connect_plainly(net::ConnectCallback done) {
    return loop.runtime().connect(listener_->address(), std::move(done));
  }
  bool until(const std::function<bool()>& ready) { return loop.run_until(ready); }

  Loop loop;
  Peer client, server;
  std::string server_error;

 private:
  void listen(net::AcceptCallback accept) {
    auto made = loop.runtime().listen(any_port(), std::move(accept));
    REQUIRE(made.ok());
    listener_ = std::move(*made);
  }

  std::unique_ptr<net::Operation> accepting_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace tidegate::test
