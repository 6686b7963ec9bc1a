// A scripted upstream in the simulated network, and the pool in front of it: for tests of the pool and of attempts.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <memory>
#include <string>

#include "core/upstream/endpoint_monitor.h"
#include "core/upstream/pool.h"
#include "core/upstream/upstream.h"
#include "metrics/metrics.h"
#include "net/sim/sim_runtime.h"
#include "support/config_builder.h"

namespace tidegate::core::test {

// The upstream's end of one connection.
class Far final : private net::StreamUser {
 public:
  explicit Far(std::unique_ptr<net::Stream> stream) : stream_(std::move(stream)) {
    stream_->set_user(this);
    stream_->start_reading();
  }
  void say(std::string_view bytes) { stream_->write(bytes); }
  void stop_reading() { stream_->stop_reading(); }
  void start_reading() { stream_->start_reading(); }
  void end() { stream_->end_writing(); }
  void reset() {
    stream_->reset_on_close();
    stream_.reset();
  }
  void close() { stream_.reset(); }
  bool left() const { return left_; }
  size_t write_pending() const { return stream_->write_pending(); }

  std::string received;

 private:
  void on_read(std::string_view bytes) override { received += bytes; }
  void on_read_end() override { left_ = true; }
  void on_stream_error(const Error&) override { left_ = true; }
  void on_write_drained() override {}

  std::unique_ptr<net::Stream> stream_;
  bool left_ = false;
};

inline constexpr const char* kFirst = "10.0.0.2:3001";
inline constexpr const char* kSecond = "10.0.0.3:3001";
inline constexpr const char* kBoth = "\"http://10.0.0.2:3001\", \"http://10.0.0.3:3001\"";

struct UpstreamFixture {
  // `settings`: more keys of the upstream, each ", key: value".
  explicit UpstreamFixture(const std::string& settings = "", const std::string& endpoints = "\"http://10.0.0.2:3001\"",
                           int connections_max = 3) {
    config = tidegate::test::load_config(tidegate::test::ConfigBuilder()
                                             .upstream("up", "endpoints: [" + endpoints + "], max_connections: " +
                                                                 std::to_string(connections_max) + settings)
                                             .route("r", "match: {path: /*}, upstream: up"));
    metrics = metrics::Metrics::make(*config, "", "");
    upstream = make_upstream();
    pool = std::make_unique<Pool>(runtime, *upstream);
    listen(kFirst);
  }

  std::unique_ptr<Upstream> make_upstream() {
    const config::Upstream& up = config->upstreams.at("up");
    Endpoints made;
    for (const config::Endpoint& each : up.endpoints) {
      made.push_back(std::make_shared<Endpoint>(EndpointConfig(up, each), metrics->upstream("up"), names));
      monitor.add(made.back());
    }
    return std::make_unique<Upstream>(up, metrics->upstream("up"), std::move(made));
  }

  void listen(const char* address) {
    auto listening = runtime.listen(*SocketAddress::parse(address), [this](std::unique_ptr<net::Stream> stream) {
      far.push_back(std::make_unique<Far>(std::move(stream)));
    });
    REQUIRE(listening.ok());
    listeners.push_back(std::move(*listening));
  }
  void go_away() {
    listeners.clear();
    far.clear();
  }

  // Connects to `address` fail for want of what this process has used up.
  void use_up(const std::string& address, ErrorCode code) {
    net::SimLink link;
    link.used_up = code;
    runtime.set_link(*SocketAddress::parse(address), link);
  }

  policy::EndpointState state_of(size_t endpoint) const { return upstream->endpoint(endpoint).health().state(); }

  void settle(Duration time = 100ms) { runtime.run_for(time); }
  // A sample of the exposition; -1: there is none.
  double metric(const std::string& sample) {
    const std::string text = metrics->render();
    const size_t at = text.find(sample + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size()));
  }
  double refused(const std::string& reason) {
    return metric("tidegate_upstream_connections_refused_total{reason=\"" + reason + "\",upstream=\"up\"}");
  }

  net::SimRuntime runtime{5};
  net::NameWatcher names{runtime};
  EndpointMonitor monitor{runtime};
  std::shared_ptr<const config::Config> config;
  std::unique_ptr<metrics::Metrics> metrics;
  std::unique_ptr<Upstream> upstream;
  std::deque<std::unique_ptr<Far>> far;  // in the order of their coming
  std::vector<std::unique_ptr<net::Listener>> listeners;
  std::unique_ptr<Pool> pool;
};

}  // namespace tidegate::core::test
