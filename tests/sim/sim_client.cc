#include "sim/sim_client.h"

namespace tidegate::sim {

SimClient::SimClient(net::SimRuntime& runtime, std::string authority, ClientPlan plan)
    : runtime_(runtime), authority_(std::move(authority)), plan_(std::move(plan)), timer_(runtime, [this] {
        if (!started_) return start();
        left_ = true;
        fetch_.reset();
      }) {
  timer_.start_at(plan_.starts);
}

void SimClient::start() {
  started_ = true;
  begun_ = runtime_.now();
  http::FetchRequest request;
  request.method = plan_.method;
  request.host = authority_;
  request.target = plan_.target;
  request.body = plan_.body;
  request.fields.emplace_back("x-sim-id", plan_.id);
  if (plan_.timeout) request.fields.emplace_back("X-Request-Timeout-Ms", std::to_string(ceil_ms(*plan_.timeout)));
  request.timeout = std::chrono::hours(1);
  fetch_ = http::fetch(runtime_, std::move(request), [this](Result<http::FetchResponse> response) {
    ++callbacks_;
    took_ = runtime_.now() - begun_;
    result_ = std::move(response);
    timer_.stop();
  });
  if (plan_.leaves_after) timer_.start_after(*plan_.leaves_after);
}

}  // namespace tidegate::sim
