// A simulated upstream: the production HTTP server with behaviour from a script and a seed. It records the requests,
// for the invariants.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "http/message/head.h"
#include "http/server/server.h"
#include "net/sim/sim_runtime.h"
#include "sim/sim_tunnel.h"

namespace tidegate::sim {

struct UpstreamMood {
  double error = 0;  // the probability of a 503
  double hang = 0;   // of no response
  double abort = 0;  // of a reset in the middle of a response
  Duration latency_min = 1ms;
  Duration latency_max = 20ms;
  double stream = 0;               // of a response that goes on for ever, a byte a second
  size_t response_min = 0;         // its body is filled up to so many bytes
  size_t response_max = SIZE_MAX;  // … or cut to so many
  uint16_t poison_status = 503;
};

// The response body of the upstream for that target and body, for a client to check.
std::string expected_response(std::string_view target, std::string_view body);

// Requests that run at the moment, health checks left out.
struct CallCount {
  int running = 0;
  int running_max = 0;
};

// Requests whose target contains "poison" fail in every mood, with its poison_status. One that asks for WebSocket gets
// it, unless it fails.
class SimUpstream final : public http::Service {
 public:
  // `tls`: it speaks that; null: plain HTTP. `calls`: several endpoints may share it.
  SimUpstream(net::SimRuntime& runtime, const SocketAddress& address, uint64_t seed,
              std::shared_ptr<net::TlsContext> tls = nullptr,
              std::shared_ptr<CallCount> calls = std::make_shared<CallCount>());
  ~SimUpstream();

  void set_mood(const UpstreamMood& mood) { mood_ = mood; }
  // Like a crash: every connection is reset and nobody listens.
  void stop();
  bool was_stopped() const { return was_stopped_; }
  void start();

  // Called with the headers of each request, when they have come.
  void on_call(std::function<void(const http::RequestHead& head)> observer) { observer_ = std::move(observer); }

  const SocketAddress& address() const { return address_; }
  int running() const { return calls_->running; }
  int running_max() const { return calls_->running_max; }
  uint64_t seen() const { return seen_; }
  Time checked_at() const { return checked_at_; }  // the last time
  // How many requests had that x-sim-id. All attempts of one client request or job carry the same.
  int attempts_of(const std::string& id) const;
  // The tunnels of the client with that x-sim-id, the last one last: a 101 that was lost may have been followed by one.
  const std::vector<std::unique_ptr<TunnelLog>>& tunnels_of(const std::string& id) const;
  // Whether it has sent a whole good response in that time, or a 101.
  bool succeeded_between(WallTime from, WallTime to) const;

 private:
  class Call;
  std::unique_ptr<http::Handler> on_request(http::Responder& responder) override;
  Refusal on_refused(const http::ParseError& error, const SocketAddress& peer) override;

  net::SimRuntime& runtime_;
  SocketAddress address_;
  Random random_;
  const std::shared_ptr<net::TlsContext> tls_;
  UpstreamMood mood_;
  const std::shared_ptr<CallCount> calls_;
  std::map<std::string, std::vector<std::unique_ptr<TunnelLog>>> tunnels_;
  std::unique_ptr<http::Server> server_;  // ends before what its calls count in
  bool was_stopped_ = false;
  uint64_t seen_ = 0;
  Time checked_at_{};
  std::function<void(const http::RequestHead& head)> observer_;
  std::map<std::string, int> tries_;
  std::vector<WallTime> successes_;  // in order
};

}  // namespace tidegate::sim
