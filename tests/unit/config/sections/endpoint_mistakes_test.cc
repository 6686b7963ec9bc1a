// Mistakes in what an upstream says of its endpoints' health, and the exact error of each.
#include <doctest/doctest.h>

#include "unit/config/load_support.h"

using namespace tidegate;
using namespace tidegate::config;

TEST_CASE("mistakes in health_check and outlier_ejection") {
  check_all({
      {In::upstream, "health_check: {path: health}",
       "t.yaml:4:26: upstreams.u.health_check.path: `health` is not a path such as `/health`"},
      {In::upstream, "health_check: {interval: 5, timeout: 0s}",
       "t.yaml:4:30: upstreams.u.health_check.interval: `5` has no unit; write `5s`\nt.yaml:4:42: "
       "upstreams.u.health_check.timeout: must be at least 1ms, not 0s"},
      {In::upstream, "health_check: {interval: 1ms}",
       "t.yaml:4:30: upstreams.u.health_check.interval: must be at least 10ms, not 1ms"},
      {In::upstream, "health_check: {unhealthy_after: 0}",
       "t.yaml:4:37: upstreams.u.health_check.unhealthy_after: must be 1 to 1000000000, not 0"},
      {In::upstream, "health_check: {expect: []}",
       "t.yaml:4:28: upstreams.u.health_check.expect: is empty; list at least one status"},
      {In::upstream, "health_check: {expect: [200, 1xx, reset, 20]}",
       "t.yaml:4:34: upstreams.u.health_check.expect[1]: `1xx` is not a status such as 200, or a class from 2xx to "
       "5xx\nt.yaml:4:39: upstreams.u.health_check.expect[2]: `reset` is not a status such as 200, or a class from 2xx "
       "to 5xx\nt.yaml:4:46: upstreams.u.health_check.expect[3]: `20` is not a status such as 200, or a class from 2xx "
       "to 5xx"},
      {In::upstream, "outlier_ejection: {consecutive_failures: 0}",
       "t.yaml:4:46: upstreams.u.outlier_ejection.consecutive_failures: must be 1 to 1000000000, not 0"},
      {In::upstream, "outlier_ejection: {max_ejected: 0}",
       "t.yaml:4:37: upstreams.u.outlier_ejection.max_ejected: must be greater than 0"},
      {In::upstream, "outlier_ejection: {max_ejected: 50}",
       "t.yaml:4:37: upstreams.u.outlier_ejection.max_ejected: must be 0 to 1, not 50"},
      {In::upstream, "outlier_ejection: {eject_for: 6m}",
       "t.yaml:4:35: upstreams.u.outlier_ejection.eject_for: eject_for (6m) is longer than eject_for_max (5m)"},
  });
}
