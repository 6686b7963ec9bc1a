#include "loopback/cases/scripted_upstream.h"

#include <algorithm>

#include "base/assert.h"

namespace tidegate::loopback {

UpstreamConnection::UpstreamConnection(net::Runtime& runtime, std::unique_ptr<net::Stream> stream,
                                       const std::optional<Script>& script)
    : runtime_(runtime), stream_(std::move(stream)), script_(script) {
  forget();
  stream_->set_user(this);
  stream_->start_reading();
  if (script_ && script_->begins_at_once()) play();
}

void UpstreamConnection::forget() {
  received_ = std::make_unique<StrictReader>(StrictReader::Kind::requests);
  responded_ = 0;
  has_played_ = false;
}

void UpstreamConnection::play() {
  play_ = std::make_unique<Play>(runtime_, *script_);
  has_played_ = true;
}

void UpstreamConnection::step() {
  if (gone_) stream_.reset();
  if (!stream_) {
    play_.reset();
    return;
  }
  if (play_) {
    play_->step(stream_, received_->is_between());
    if (!play_->is_done()) return;
    play_.reset();
    if (!received_->messages().empty()) ++responded_;
  }
  if (stream_) respond();
}

void UpstreamConnection::respond() {
  while (!play_ && responded_ < received_->messages().size()) {
    const StrictMessage& request = received_->messages()[responded_];
    if (script_ && request.has_headers && request.target() == kScriptedTarget) return play();
    if (!request.is_complete) return;
    echo(request);
    ++responded_;
  }
}

void UpstreamConnection::echo(const StrictMessage& request) {
  const std::string said = request.method() + " " + request.target();
  std::string response = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(said.size()) + "\r\n" +
                         std::string(kEchoField) + ": " + said + "\r\n\r\n";
  if (request.method() != "HEAD") response += said;
  stream_->write(response);
}

bool UpstreamConnection::is_quiet() const {
  if (!stream_ || !received_->problem().empty()) return true;
  return !gone_ && !play_ && received_->is_between() && responded_ >= received_->messages().size();
}

ScriptedUpstream::ScriptedUpstream(net::Runtime& runtime, std::shared_ptr<net::TlsContext> tls) : runtime_(runtime) {
  if (tls) tls_.emplace(runtime, std::move(tls));
  auto listening = runtime_.listen(*SocketAddress::parse("127.0.0.1:0"), [this](std::unique_ptr<net::Stream> stream) {
    if (!tls_) return add(std::move(stream));
    tls_->begin(std::move(stream), std::chrono::seconds(30), [this](Result<std::unique_ptr<net::Stream>> secured) {
      if (secured.ok()) add(std::move(*secured));
    });
  });
  TG_ASSERT(listening.ok());
  listener_ = std::move(*listening);
}

void ScriptedUpstream::add(std::unique_ptr<net::Stream> stream) {
  connections_.push_back(std::make_unique<UpstreamConnection>(runtime_, std::move(stream), script_));
}

void ScriptedUpstream::step() {
  for (const auto& connection : connections_) connection->step();
}

void ScriptedUpstream::close_connections() {
  for (const auto& connection : connections_) connection->close();
}

void ScriptedUpstream::forget() {
  std::erase_if(connections_, [](const auto& connection) { return !connection->is_open(); });
  for (const auto& connection : connections_) connection->forget();
}

bool ScriptedUpstream::is_quiet() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& connection) { return connection->is_quiet(); });
}

}  // namespace tidegate::loopback
