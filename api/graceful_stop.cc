#include "api/graceful_stop.h"

#include <utility>

#include "base/log.h"

namespace tidegate::api {

GracefulStop::GracefulStop(net::Runtime& runtime, std::optional<ApiService>& service, Stores& stores, Duration grace)
    : service_(service), stores_(stores), grace_(grace), grace_timer_(runtime, [this] { on_grace_expired(); }) {}

void GracefulStop::begin(std::function<void()> done) {
  done_ = std::move(done);
  grace_timer_.start_after(grace_);
  service_->drain([this] {
    log_info("requests_finished");
    close_stores();
  });
  log_info("listener_closed", {{"connections", service_->connections()}});
}

void GracefulStop::on_grace_expired() {
  log_warn("shutdown_grace_expired", {{"grace_s", to_seconds(grace_)}, {"connections", service_->connections()}});
  close_stores();
}

void GracefulStop::close_stores() {
  grace_timer_.stop();
  service_.reset();
  stores_.cache->close([this] { on_cache_closed(); });
}

void GracefulStop::on_cache_closed() {
  log_info("cache_closed");
  stores_.objects.reset();
  log_info("store_closed");
  std::exchange(done_, nullptr)();
}

}  // namespace tidegate::api
