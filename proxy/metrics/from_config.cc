#include "metrics/from_config.h"

#include "metrics/methods.h"
#include "policy/outcome.h"

namespace tidegate::metrics {

using policy::Outcome;

namespace {

// The outcomes that alerts use: failing upstreams and exceeded limits.
constexpr Outcome kRefusals[] = {
    Outcome::queued,          Outcome::rate_limited, Outcome::breaker_open,          Outcome::bulkhead_full,
    Outcome::pool_full,       Outcome::buffer_full,  Outcome::queue_unavailable,     Outcome::queue_full,
    Outcome::connect_failure, Outcome::reset,        Outcome::bad_upstream_response, Outcome::timeout};

}  // namespace

void make_refusals(Families& families, const config::Route& route) {
  const std::vector<std::string> methods =
      route.match.methods.empty() ? std::vector<std::string>{"GET", "POST"} : route.match.methods;
  for (const std::string& method : methods) {
    for (const Outcome outcome : kRefusals) {
      families.http_requests.Add({{"route", route.name},
                                  {"method", kMethods[method_index(method)]},
                                  {"code", std::to_string(policy::status_of(outcome))},
                                  {"outcome", policy::to_string(outcome)}});
    }
  }
}

}  // namespace tidegate::metrics
