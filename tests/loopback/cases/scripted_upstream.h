// An upstream that responds to most requests with an echo, and to those of a case as the case says. What it receives is
// judged by a StrictReader; nothing is forgotten until forget().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/server/tls_accept.h"
#include "loopback/cases/play.h"
#include "loopback/cases/strict_reader.h"
#include "net/runtime.h"

namespace tidegate::loopback {

// The target of a request to which the script is the response. All others get a 200 that echoes method and target.
inline constexpr std::string_view kScriptedTarget = "/case";
// The field of an echo, "METHOD TARGET", which its body says too.
inline constexpr std::string_view kEchoField = "Echo";

// A connection of the gateway's to the upstream.
class UpstreamConnection final : private net::StreamUser {
 public:
  // `script`: that of the upstream, as it is when a request comes.
  UpstreamConnection(net::Runtime& runtime, std::unique_ptr<net::Stream> stream, const std::optional<Script>& script);

  // Called once after each iteration of the event loop.
  void step();
  void close() { stream_.reset(); }
  // What has been received; a connection that stays open begins anew.
  void forget();

  const StrictReader& received() const { return *received_; }
  bool is_open() const { return stream_ != nullptr; }
  // It is closed, or has responded to all and waits for a request.
  bool is_quiet() const;
  bool is_playing() const { return play_ != nullptr; }
  // The script was begun here.
  bool has_played() const { return has_played_; }
  // The script has come to the step at which the client leaves.
  bool wants_client_to_abort() const { return play_ && play_->wants_client_to_abort(); }

 private:
  void on_read(std::string_view bytes) override { received_->read(bytes); }
  void on_read_end() override { gone_ = true; }
  void on_stream_error(const Error&) override { gone_ = true; }
  void on_write_drained() override {}

  void respond();
  void play();
  void echo(const StrictMessage& request);

  net::Runtime& runtime_;
  std::unique_ptr<net::Stream> stream_;
  const std::optional<Script>& script_;
  std::unique_ptr<StrictReader> received_;
  size_t responded_ = 0;
  std::unique_ptr<Play> play_;
  bool has_played_ = false;
  bool gone_ = false;  // the gateway has ended it
};

class ScriptedUpstream {
 public:
  explicit ScriptedUpstream(net::Runtime& runtime, std::shared_ptr<net::TlsContext> tls = nullptr);

  SocketAddress address() const { return listener_->address(); }
  void step();
  // From now on; none: all requests are echoed.
  void play(std::optional<Script> script) { script_ = std::move(script); }
  // Closes what is open.
  void close_connections();
  // Forgets closed connections, and all that has been received: a connection that stays begins anew.
  void forget();
  const std::vector<std::unique_ptr<UpstreamConnection>>& connections() const { return connections_; }
  bool is_quiet() const;

 private:
  void add(std::unique_ptr<net::Stream> stream);

  net::Runtime& runtime_;
  std::optional<http::TlsAccept> tls_;
  std::optional<Script> script_;
  std::vector<std::unique_ptr<UpstreamConnection>> connections_;
  std::unique_ptr<net::Listener> listener_;
};

}  // namespace tidegate::loopback
