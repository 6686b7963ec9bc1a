// Gauges that mirror state, after a reload.
#include <doctest/doctest.h>

#include "metrics/metrics.h"
#include "support/config_builder.h"
#include "unit/metrics/exposition.h"

namespace tidegate::metrics {

TEST_CASE("A gauge of what is no longer configured goes, that of a certificate too") {
  const auto config = test::load_config(
      test::ConfigBuilder().upstream("up", "endpoints: ['http://h']").route("all", "match: {path: /*}, upstream: up"));
  const auto metrics = Metrics::make(*config, "1", "test");
  const auto expiry = [&] {
    return Exposition(metrics->render())
        .value("tidegate_tls_certificate_expiry_timestamp_seconds", {{"section", "listener"}, {"name", "egress"}});
  };
  metrics->set_certificate_expiry("listener", "egress", WallTime(1'800'000'000s));
  metrics->drop_unset_gauges();
  CHECK(expiry() == 1'800'000'000.0);
  metrics->drop_unset_gauges();
  CHECK_FALSE(expiry());
}

TEST_CASE("the series of a next configuration are made while others are set: those that are there are not touched") {
  const auto config = [](const char* endpoints, const char* methods) {
    return test::load_config(
        test::ConfigBuilder()
            .upstream("up", std::string("endpoints: [") + endpoints + "]")
            .route("all", std::string("match: {path: /*, methods: [") + methods + "]}, upstream: up"));
  };
  const auto metrics = Metrics::make(*config("'http://h:80'", "GET"), "1", "test");
  metrics->set_endpoint_healthy("up", "h:80", false);
  metrics->add_configured(*config("'http://h:80', 'http://i:80'", "GET, PUT"));
  const Exposition shown(metrics->render());
  const auto healthy = [&](const char* endpoint) {
    return shown.value("tidegate_upstream_endpoint_healthy", {{"upstream", "up"}, {"endpoint", endpoint}});
  };
  CHECK(healthy("h:80") == 0);
  CHECK(healthy("i:80") == 1);
  CHECK(shown.value("tidegate_http_requests_total",
                    {{"route", "all"}, {"method", "PUT"}, {"code", "504"}, {"outcome", "timeout"}}) == 0);
}

}  // namespace tidegate::metrics
