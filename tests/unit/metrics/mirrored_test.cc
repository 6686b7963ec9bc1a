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

}  // namespace tidegate::metrics
