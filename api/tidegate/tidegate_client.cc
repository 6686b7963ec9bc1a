#include "api/tidegate/tidegate_client.h"

#include "http/target/percent.h"

namespace tidegate::api {

namespace {

constexpr const char* kDeadlineMs = "15000";
// Tidegate may wait two seconds beyond the deadline until its store confirms a job.
constexpr Duration kOptimizeTimeout = 18s;
constexpr Duration kGetTimeout = 10s;
constexpr Duration kPingTimeout = 2s;

}  // namespace

http::FetchRequest TidegateClient::request(const std::string& target, Duration timeout) const {
  http::FetchRequest request;
  request.host = base_.host;
  request.target = base_.target + target;
  request.timeout = timeout;
  request.body_bytes_max = response_bytes_max_;
  return request;
}

std::unique_ptr<net::Operation> TidegateClient::optimize(OptimizeCall call, http::FetchCallback done) {
  http::FetchRequest made =
      request("/optimize?text=" + http::percent_encode(call.text) + "&position=" + http::percent_encode(call.position),
              kOptimizeTimeout);
  made.method = "POST";
  made.fields = {{"Content-Type", std::move(call.content_type)},
                 {"Idempotency-Key", std::move(call.key)},
                 {"X-Request-Timeout-Ms", kDeadlineMs},
                 {"X-Forwarded-For", std::move(call.client_ip)}};
  if (!call.image_url.empty()) made.fields.emplace_back("Tidegate-Body-Ref", std::move(call.image_url));
  made.body = std::move(call.image);
  return http::fetch(runtime_, std::move(made), std::move(done));
}

std::unique_ptr<net::Operation> TidegateClient::get(const std::string& path, http::FetchCallback done) {
  return http::fetch(runtime_, request(path, kGetTimeout), std::move(done));
}

std::unique_ptr<net::Operation> TidegateClient::ping(http::FetchCallback done) {
  http::FetchRequest made = request("/", kPingTimeout);
  if (admin_) {
    made.host = admin_->host;
    made.target = admin_->target + "/health";
  }
  return http::fetch(runtime_, std::move(made), std::move(done));
}

}  // namespace tidegate::api
