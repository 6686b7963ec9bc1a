#include "core/upstream/endpoint_monitor.h"

#include <functional>
#include <string>
#include <utility>

#include "http/client/fetch.h"
#include "net/connection_refusal.h"
#include "net/finished.h"
#include "net/timer.h"
#include "net/wake_up.h"

namespace tidegate::core {

namespace {

constexpr size_t kCheckBodyMax = 1 << 20;
constexpr double kIntervalJitter = 0.1;  // either way

}  // namespace

// Of one endpoint.
class EndpointMonitor::Watch final : private EndpointUser {
 public:
  Watch(net::Runtime& runtime, const std::shared_ptr<Endpoint>& endpoint)
      : runtime_(runtime),
        endpoint_(endpoint),
        check_timer_(runtime, [this] { check(); }),
        ejection_timer_(runtime, [this] { end_ejection(); }),
        changed_(runtime, [this] { end_ejection(); }),
        wake_(changed_.caller()) {
    endpoint->join(*this);
    const auto& config = endpoint->config().health_check;
    if (config) check_timer_.start_after(scaled(config->interval, runtime_.random().uniform()));
    end_ejection();  // of before
  }

  ~Watch() {
    if (const auto endpoint = endpoint_.lock()) endpoint->leave(*this);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool is_over() const { return endpoint_.expired(); }

 private:
  void on_endpoint_changed() override { wake_(); }

  static Duration scaled(Duration time, double by) {
    return Duration(static_cast<int64_t>(static_cast<double>(time.count()) * by));
  }

  // The check keeps the endpoint, whose connect it uses.
  void check() {
    const std::shared_ptr<Endpoint> endpoint = endpoint_.lock();
    if (!endpoint) return;
    const policy::HealthCheckConfig& config = *endpoint->config().health_check;
    const double jitter = 1 - kIntervalJitter + 2 * kIntervalJitter * runtime_.random().uniform();
    next_check_at_ = runtime_.now() + scaled(config.interval, jitter);
    refused_ = false;
    http::FetchRequest request;
    request.host = endpoint->authority();
    request.target = config.path;
    request.fields = {{"User-Agent", "tidegate-health-check"}, {"Accept", "*/*"}};
    request.timeout = config.timeout;
    request.body_bytes_max = kCheckBodyMax;
    request.connect = [this, endpoint](net::ConnectCallback done) {
      return endpoint->connect(runtime_, [this, done = std::move(done)](Result<std::unique_ptr<net::Stream>> stream) {
        refused_ = !stream && net::refusal_of(stream.error());
        done(std::move(stream));
      });
    };
    check_ = http::fetch(runtime_, std::move(request), [this, endpoint](Result<http::FetchResponse> response) {
      const auto finished = net::finished(check_);
      on_checked(*endpoint, response);
      check_timer_.start_at(next_check_at_);
    });
  }

  void on_checked(Endpoint& endpoint, const Result<http::FetchResponse>& response) {
    using metrics::CheckResult;
    if (refused_) return endpoint.metrics().checked(CheckResult::not_made);
    const policy::HealthCheckConfig& config = *endpoint.config().health_check;
    const Time now = runtime_.now();
    const bool good = response && config.expect.has_status(response->status);
    endpoint.metrics().checked(good ? CheckResult::success : CheckResult::failure);
    if (good) return endpoint.health().check_succeeded(now);
    endpoint.health().check_failed(
        "health check: " + (response ? "status " + std::to_string(response->status) : response.error().message), now);
  }

  void end_ejection() {
    const std::shared_ptr<Endpoint> endpoint = endpoint_.lock();
    if (!endpoint) return;
    endpoint->health().advance(runtime_.now());
    const auto until = endpoint->health().view().ejected_until;
    until ? ejection_timer_.start_at(*until) : ejection_timer_.stop();
  }

  net::Runtime& runtime_;
  const std::weak_ptr<Endpoint> endpoint_;
  net::Timer check_timer_;
  net::Timer ejection_timer_;
  net::WakeUp changed_;
  const std::function<void()> wake_;
  Time next_check_at_{};
  bool refused_ = false;  // the check by us, when it connected
  std::unique_ptr<net::Operation> check_;
};

EndpointMonitor::EndpointMonitor(net::Runtime& runtime) : runtime_(runtime), next_(runtime, [this] { watch_some(); }) {}
EndpointMonitor::~EndpointMonitor() = default;

void EndpointMonitor::add(const std::shared_ptr<Endpoint>& endpoint) {
  added_.push_back(endpoint);
  if (!next_.active()) next_.start_after(Duration::zero());
}

void EndpointMonitor::watch_some() {
  for (int i = 0; i < kWatchedAtOnce && !added_.empty(); ++i) {
    const auto endpoint = added_.front().lock();
    added_.pop_front();
    if (endpoint) watch(endpoint);
  }
  if (!added_.empty()) next_.start_after(Duration::zero());
}

void EndpointMonitor::watch(const std::shared_ptr<Endpoint>& endpoint) {
  if (watches_.size() >= sweep_at_) sweep();
  watches_[{endpoint->config().upstream, endpoint->authority()}] = std::make_unique<Watch>(runtime_, endpoint);
}

// Of endpoints that have no successor.
void EndpointMonitor::sweep() {
  std::erase_if(watches_, [](const auto& watch) { return watch.second->is_over(); });
  sweep_at_ = 2 * watches_.size() + kSweepAtLeast;
}

}  // namespace tidegate::core
