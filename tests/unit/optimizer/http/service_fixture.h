// The service on a real socket of this machine, with the real pool; a gate blocks the pool where the order matters.
#pragma once

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"
#include "http/client/fetch.h"
#include "net/uv/uv_runtime.h"
#include "optimizer/http/service.h"
#include "unit/optimizer/image/pictures.h"

namespace tidegate::optimizer::test {

inline constexpr char kOptimize[] = "/optimize?text=NWS";

// Blocks one thread of the pool until it is opened.
class Gate {
 public:
  explicit Gate(WorkPool& pool) : ticket_(pool.submit([open = open_.get_future().share()] { open.wait(); }, [] {})) {
    REQUIRE(ticket_);
  }
  ~Gate() { open(); }
  void open() {
    if (!std::exchange(is_open_, true)) open_.set_value();
  }

 private:
  std::promise<void> open_;
  bool is_open_ = false;
  std::unique_ptr<WorkPool::Ticket> ticket_;
};

inline ServiceOptions small_service() {
  ServiceOptions options;
  options.listen = *SocketAddress::parse("127.0.0.1:0");
  options.workers = 1;
  options.queue_max = 1;
  return options;
}

class Fixture {
 public:
  explicit Fixture(const ServiceOptions& options = small_service()) : service_(std::in_place, runtime_, options) {
    log_set_sink([](LogLevel, std::string_view) {});
    REQUIRE(service_->listen());
    host_ = service_->address().to_string();
  }
  ~Fixture() { log_set_sink({}); }

  OptimizerService& service() { return *service_; }
  void end_service() { service_.reset(); }

  // A request in progress; destroying it disconnects the client.
  struct Call {
    std::optional<Result<http::FetchResponse>> result;
    std::unique_ptr<net::Operation> operation;
  };
  std::unique_ptr<Call> begin(std::string method, std::string target, std::string body = {}) {
    auto call = std::make_unique<Call>();
    http::FetchRequest request;
    request.method = std::move(method);
    request.host = host_;
    request.target = std::move(target);
    request.body = std::move(body);
    call->operation = http::fetch(runtime_, std::move(request),
                                  [&to = call->result](Result<http::FetchResponse> result) { to = std::move(result); });
    return call;
  }
  Result<http::FetchResponse> await(Call& call) {
    until([&] { return call.result.has_value(); });
    return std::move(*call.result);
  }
  Result<http::FetchResponse> fetch(std::string method, std::string target, std::string body = {}) {
    const auto call = begin(std::move(method), std::move(target), std::move(body));
    return await(*call);
  }
  http::FetchResponse response(std::string method, std::string target, std::string body = {}) {
    auto result = fetch(std::move(method), std::move(target), std::move(body));
    if (!result) FAIL(result.error().message);
    return std::move(*result);
  }
  // Whether /metrics contains the line.
  bool metric(const std::string& line) {
    return ("\n" + response("GET", "/metrics").body).find("\n" + line + "\n") != std::string::npos;
  }
  // A wait that never ends is ended by the timeout of the calls (10 s).
  void until(const std::function<bool()>& condition) {
    while (!condition()) runtime_.run_once();
  }

 private:
  net::UvRuntime runtime_;
  std::optional<OptimizerService> service_;
  std::string host_;
};

inline std::string a_png() { return to_png(gradient(300, 200)); }

}  // namespace tidegate::optimizer::test
