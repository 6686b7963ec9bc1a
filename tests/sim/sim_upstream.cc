#include "sim/sim_upstream.h"

#include <algorithm>

#include "http/message/upgrade.h"
#include "http/message/writer.h"

namespace tidegate::sim {

namespace {

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

}  // namespace

std::string expected_response(std::string_view target, std::string_view body) {
  const uint64_t hash = fnv1a(std::string(target) + "|" + std::string(body));
  std::string response = std::to_string(hash);
  const size_t size = hash % 8 == 0 ? hash % 150'000 : hash % 700;  // some responses are larger than any buffer
  Random filler(hash);
  while (response.size() < size) response += static_cast<char>('a' + filler.below(26));
  return response;
}

class SimUpstream::Call final : public http::Handler {
 public:
  Call(SimUpstream& upstream, http::Responder& responder)
      : upstream_(upstream),
        responder_(responder),
        counts_(responder.request().path != "/health"),
        delay_(upstream.runtime_, [this] { respond(); }) {
    ++upstream_.seen_;
    if (!counts_) upstream_.checked_at_ = upstream_.runtime_.now();
    if (counts_) upstream_.calls_->running_max = std::max(upstream_.calls_->running_max, ++upstream_.calls_->running);
    if (upstream_.observer_) upstream_.observer_(responder.request());
  }
  ~Call() override {
    if (!ended_) count_end();
  }

 private:
  void on_body(std::string_view piece) override { body_ += piece; }

  void on_body_end() override {
    // Only a complete request has a result.
    const auto id = responder_.request().fields.find("x-sim-id");
    if (id) ++upstream_.tries_[std::string(*id)];
    Random& random = upstream_.random_;
    const UpstreamMood& mood = upstream_.mood_;
    if (random.chance(mood.hang)) return;
    const bool poison = responder_.request().target.find("poison") != std::string::npos;
    if (poison) failure_ = mood.poison_status;
    if (random.chance(mood.error)) failure_ = 503;
    abort_ = random.chance(mood.abort);
    const auto spread = static_cast<uint64_t>((mood.latency_max - mood.latency_min).count());
    delay_.start_after(mood.latency_min + Duration(static_cast<int64_t>(random.below(spread + 1))));
  }

  void on_body_error(const http::ParseError&) override {
    responder_.abort();
    end();
  }
  void on_client_gone() override {
    if (peer_) peer_->detach();
    if (!ended_) end();
  }
  void on_response_drained() override {}

  void open_tunnel() {
    const auto id = responder_.request().fields.find("x-sim-id");
    auto& log = upstream_.tunnels_[std::string(id.value_or(""))].emplace_back(std::make_unique<TunnelLog>());
    peer_.emplace(upstream_.runtime_, TunnelSide::upstream, upstream_.random_.next(), *log,
                  [this](bool reset) { reset ? responder_.abort() : responder_.finish(); });
    const http::Responder::Switched client = responder_.switch_protocols();
    std::string head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    if (upstream_.random_.chance(0.3)) head += peer_->next_bytes(upstream_.random_.below(3000));
    peer_->begin(client.stream, client.received);
    client.stream.write(head);
    upstream_.successes_.push_back(upstream_.runtime_.wall_now());
    end();  // the upstream's work is done; the tunnel lives on
  }

  void stream() {
    responder_.send_body(".");
    delay_.start_after(1s);
  }

  void respond() {
    if (streams_) return stream();
    if (failure_ != 0) {
      responder_.respond(failure_, "text/plain", "broken");
      return end();
    }
    if (!http::requested_upgrade(responder_.request()).empty()) return open_tunnel();
    std::string head;
    http::HeadWriter(head).status_line(200);
    if (upstream_.random_.chance(upstream_.mood_.stream)) {
      streams_ = true;
      responder_.send_head(200, head, http::Responder::kUnknownLength);
      return stream();
    }
    std::string body = expected_response(responder_.request().target, body_);
    body.resize(std::clamp(body.size(), upstream_.mood_.response_min, upstream_.mood_.response_max), '.');
    const bool chunked = upstream_.random_.chance(0.3);
    responder_.send_head(200, head, chunked ? http::Responder::kUnknownLength : body.size());
    if (abort_) {
      responder_.send_body(std::string_view(body).substr(0, body.size() / 2));
      responder_.abort();
    } else {
      responder_.send_body(body);
      responder_.finish();
      upstream_.successes_.push_back(upstream_.runtime_.wall_now());
    }
    end();
  }

  void end() {
    ended_ = true;
    delay_.stop();
    count_end();
  }
  void count_end() {
    if (counts_) --upstream_.calls_->running;
  }

  SimUpstream& upstream_;
  http::Responder& responder_;
  const bool counts_;
  net::Timer delay_;
  std::string body_;
  uint16_t failure_ = 0;  // its status; 0: none
  bool abort_ = false;
  bool streams_ = false;
  bool ended_ = false;
  std::optional<TunnelPeer> peer_;
};

SimUpstream::SimUpstream(net::SimRuntime& runtime, const SocketAddress& address, uint64_t seed,
                         std::shared_ptr<net::TlsContext> tls, std::shared_ptr<CallCount> calls)
    : runtime_(runtime), address_(address), random_(seed), tls_(std::move(tls)), calls_(std::move(calls)) {
  start();
}

SimUpstream::~SimUpstream() = default;

void SimUpstream::stop() {
  was_stopped_ = true;
  runtime_.reset_connections(address_);
  server_.reset();
}

void SimUpstream::start() {
  if (server_) return;
  http::ServerLimits limits;
  limits.body_timeout = 3600s;
  server_ = std::make_unique<http::Server>(runtime_, limits, *this, nullptr, tls_);
  TG_ASSERT(server_->listen(address_).ok());
}

int SimUpstream::attempts_of(const std::string& id) const {
  const auto found = tries_.find(id);
  return found == tries_.end() ? 0 : found->second;
}

const std::vector<std::unique_ptr<TunnelLog>>& SimUpstream::tunnels_of(const std::string& id) const {
  static const std::vector<std::unique_ptr<TunnelLog>> kNone;
  const auto found = tunnels_.find(id);
  return found == tunnels_.end() ? kNone : found->second;
}

bool SimUpstream::succeeded_between(WallTime from, WallTime to) const {
  const auto first = std::lower_bound(successes_.begin(), successes_.end(), from);
  return first != successes_.end() && *first <= to;
}

std::unique_ptr<http::Handler> SimUpstream::on_request(http::Responder& responder) {
  return std::make_unique<Call>(*this, responder);
}

http::Service::Refusal SimUpstream::on_refused(const http::ParseError&, const SocketAddress&) {
  TG_ASSERT(false);  // Tidegate never forwards what is not valid
}

}  // namespace tidegate::sim
