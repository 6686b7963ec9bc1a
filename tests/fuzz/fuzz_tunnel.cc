// Oracle: where another protocol begins, to the byte. A request and a response, in pieces of any size, part of them
// from the input. A tunnel is opened only where a plain look at both heads, by other code, says so too; then each side
// gets exactly what the other has sent behind its head, and its end. Else nothing of it reaches the upstream, and the
// client gets no 101.
//
// The input: how (a byte), then one half for the client's bytes and one for the upstream's.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "core/exchange/tunnel.h"
#include "http/client/client_connection.h"
#include "http/message/upgrade.h"
#include "http/server/server.h"
#include "net/sim/sim_runtime.h"

using namespace tidegate;

namespace {

constexpr std::string_view kAsked = "GET / HTTP/1.1\r\nHost: up\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
constexpr std::string_view kPlain = "GET / HTTP/1.1\r\nHost: up\r\n\r\n";
constexpr std::string_view kSwitches = "HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// Head and all, up to the empty line; "": it is not there.
std::string_view head_of(std::string_view bytes) {
  const size_t end = bytes.find("\r\n\r\n");
  return end == bytes.npos ? std::string_view() : bytes.substr(0, end + 2);
}

// The values of that field, one behind the other, without white space.
std::string values_of(const std::string& head, const std::string& field) {
  std::string values;
  for (size_t at = head.find("\r\n" + field); at != head.npos; at = head.find("\r\n" + field, at + 1)) {
    const size_t begin = at + 2 + field.size();
    values += head.substr(begin, head.find("\r\n", begin) - begin);
  }
  std::erase_if(values, [](char c) { return c == ' ' || c == '\t'; });
  return values;
}

// As far as text tells: one Upgrade, websocket alone; Connection; no body.
bool looks_switching(std::string_view head) {
  const std::string text = lower(head);
  const bool framed = count(text, "\r\ntransfer-encoding:") > 0 ||
                      values_of(text, "content-length:").find_first_not_of('0') != std::string::npos;
  return values_of(text, "upgrade:") == "websocket" && values_of(text, "connection:").find("upgrade") != text.npos &&
         !framed;
}

// A side that sends what it is told to.
struct Peer final : net::StreamUser {
  void attach(std::unique_ptr<net::Stream> its) {
    stream = std::move(its);
    stream->set_user(this);
    stream->start_reading();
  }
  void on_read(std::string_view bytes) override { received += bytes; }
  void on_read_end() override { ended = true; }
  void on_stream_error(const Error&) override { broken = true; }
  void on_write_drained() override {}

  std::unique_ptr<net::Stream> stream;
  std::string received;
  bool ended = false, broken = false;
};

// Asks the upstream for what the client asks for, and becomes a tunnel if it gets it.
class Join final : public http::Handler, private http::ClientUser, private core::TunnelUser {
 public:
  Join(http::Responder& responder, const SocketAddress& upstream, int& opened)
      : responder_(responder),
        opened_(opened),
        wanted_(http::iequals(http::requested_upgrade(responder.request()), "websocket")) {
    connecting_ = responder.runtime().connect(upstream, [this](Result<std::unique_ptr<net::Stream>> stream) {
      TG_ASSERT(stream.ok());
      connection_ = std::make_unique<http::ClientConnection>(std::move(*stream), http::kResponseLimits);
      connection_->begin_request(this, false);
      if (wanted_) connection_->expect_upgrade("websocket");
      const std::string_view request = wanted_ ? kAsked : kPlain;
      connection_->write(std::span(&request, 1));
      connection_->end_request();
    });
  }

 private:
  void on_body(std::string_view) override {}
  void on_body_end() override {}
  void on_body_error(const http::ParseError& error) override { respond(error.status); }
  void on_client_gone() override {
    if (tunnel_) tunnel_->cut();
    connecting_.reset();
    connection_.reset();
  }
  void on_response_drained() override {}

  void on_response_head(const http::ResponseHead&) override { respond(200); }
  void on_response_body(std::string_view) override {}
  void on_response_complete() override {}
  void on_client_failure(http::ClientFailure, http::RequestSeen, std::string_view) override { respond(502); }
  void on_request_drained() override {}
  void on_switched(const http::ResponseHead&, std::unique_ptr<net::Stream> upstream,
                   std::string_view received) override {
    TG_ASSERT(wanted_);
    ++opened_;
    const http::Responder::Switched client = responder_.switch_protocols();
    tunnel_.emplace(responder_.runtime(), client.stream, std::move(upstream), core::Tunnel::Limits{1h, 60s},
                    static_cast<core::TunnelUser&>(*this));
    tunnel_->start({kSwitches, received, client.received});
  }
  void on_tunnel_over(core::TunnelEnd how) override { core::resets(how) ? responder_.abort() : responder_.finish(); }

  void respond(uint16_t status) {
    connecting_.reset();
    connection_.reset();
    responder_.respond(status, "text/plain", "ok");
  }

  http::Responder& responder_;
  int& opened_;
  const bool wanted_;
  std::unique_ptr<net::Operation> connecting_;
  std::unique_ptr<http::ClientConnection> connection_;
  std::optional<core::Tunnel> tunnel_;
};

class World final : http::Service {
 public:
  World() {
    auto listening = runtime_.listen(*SocketAddress::parse("10.0.0.2:1"), [this](std::unique_ptr<net::Stream> stream) {
      ++accepted_;
      if (accepted_ == 1) upstream_.attach(std::move(stream));
      else later_.push_back(std::move(stream));  // of the next requests: they get no response
    });
    listener_ = std::move(*listening);
    TG_ASSERT(server_.listen(*SocketAddress::parse("10.0.0.1:1")).ok());
    connecting_ = runtime_.connect(server_.address(), [this](auto stream) { client_.attach(std::move(*stream)); });
    runtime_.run_for(10ms);
  }

  void play(std::string_view from_client, std::string_view from_upstream, size_t client_piece, size_t upstream_piece) {
    std::string_view up = from_client, down = from_upstream;
    while (!up.empty() || (!down.empty() && upstream_.stream)) {
      send(client_, up, client_piece);
      runtime_.run_for(2ms);
      if (head_of(upstream_.received).empty()) continue;
      send(upstream_, down, upstream_piece);
      runtime_.run_for(2ms);
    }
    runtime_.run_for(1s);
  }

  void check(std::string_view from_client, std::string_view from_upstream, bool must_open) {
    const std::string_view asked = head_of(from_client), answered = head_of(from_upstream);
    if (must_open) TG_ASSERT(opened_ == 1);
    if (opened_ == 0) {
      TG_ASSERT(upstream_.received.empty() || upstream_.received == kAsked || upstream_.received == kPlain);
      TG_ASSERT(client_.received.find("HTTP/1.1 101") == std::string::npos);
      return;
    }
    TG_ASSERT(opened_ == 1 && looks_switching(asked) && from_upstream.find("HTTP/1.1 101") != from_upstream.npos);
    if (answered.starts_with("HTTP/1.1 101")) {
      TG_ASSERT(looks_switching(answered));
      check_bytes(from_client.substr(asked.size() + 2), from_upstream.substr(answered.size() + 2));
    }
  }

  ~World() {
    connecting_.reset();
    client_.stream.reset();
    upstream_.stream.reset();
    runtime_.run_for(1s);  // the end of the upstream may let the next request begin
    later_.clear();
    runtime_.run_for(600s);
    TG_ASSERT(runtime_.open_streams() == 0);
  }

 private:
  static void send(Peer& peer, std::string_view& bytes, size_t piece) {
    if (!peer.stream || bytes.empty()) return;
    peer.stream->write(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }

  void check_bytes(std::string_view up, std::string_view down) {
    TG_ASSERT(client_.received == std::string(kSwitches).append(down));
    TG_ASSERT(upstream_.received == std::string(kAsked).append(up));
    client_.stream->end_writing();
    runtime_.run_for(1s);
    TG_ASSERT(upstream_.ended && !client_.ended);
    upstream_.stream->end_writing();
    runtime_.run_for(1s);
    TG_ASSERT(client_.ended && !client_.broken && !upstream_.broken && server_.connections() == 0);
  }

  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override {
    return std::make_unique<Join>(responder, listener_->address(), opened_);
  }
  Refusal on_refused(const http::ParseError&, const SocketAddress&) override { return {"text/plain", "refused", ""}; }

  net::SimRuntime runtime_{1};
  http::Server server_{runtime_, {}, *this};
  Peer client_, upstream_;
  std::vector<std::unique_ptr<net::Stream>> later_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Operation> connecting_;
  int accepted_ = 0;
  int opened_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 2000) return 0;
  const uint8_t how = data[0];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view first = rest.substr(0, rest.size() / 2), second = rest.substr(rest.size() / 2);
  const bool own_fields = how & 1, own_response = how & 2;
  std::string up = "GET /a HTTP/1.1\r\nHost: a\r\n";
  up += own_fields ? std::string(first) + "\r\n\r\nbehind"
                   : "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + std::string(first);
  const std::string down = own_response ? std::string(second) : std::string(kSwitches).append(second);
  World world;
  world.play(up, down, size_t{1} << (how >> 2 & 7), size_t{1} << (how >> 5));
  world.check(up, down, !own_fields && !own_response);
  return 0;
}
