// A simulated client: one request on its own connection, with behaviour from the seed. It keeps its response, for the
// invariants.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/client/fetch.h"
#include "net/sim/sim_runtime.h"

namespace tidegate::sim {

struct ClientPlan {
  std::string id;  // sent as x-sim-id
  std::string method = "POST";
  std::string target = "/work";
  std::string body = {};
  Time starts = {};
  std::optional<Duration> leaves_after = {};  // disconnects without waiting for the response
  std::optional<Duration> timeout = {};       // X-Request-Timeout-Ms
};

class SimClient {
 public:
  SimClient(net::SimRuntime& runtime, std::string authority, ClientPlan plan);

  const ClientPlan& plan() const { return plan_; }
  const std::string& authority() const { return authority_; }
  bool started() const { return started_; }
  bool left() const { return left_; }
  int callbacks() const { return callbacks_; }  // callbacks of any kind
  bool ended() const { return left_ || callbacks_ > 0; }
  const Result<http::FetchResponse>& result() const { return *result_; }
  bool has_response() const { return result_ && result_->ok(); }
  Duration took() const { return took_; }

 private:
  void start();

  net::SimRuntime& runtime_;
  std::string authority_;
  ClientPlan plan_;
  net::Timer timer_;
  std::unique_ptr<net::Operation> fetch_;
  std::optional<Result<http::FetchResponse>> result_;
  bool started_ = false;
  bool left_ = false;
  int callbacks_ = 0;
  Time begun_{};
  Duration took_{};
};

}  // namespace tidegate::sim
