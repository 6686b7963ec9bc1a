#include "policy/endpoints/endpoint_choice.h"

#include <algorithm>
#include <cmath>

namespace tidegate::policy {

namespace {

// A share that a double cannot hold, as 0.7 of 10, is not rounded down for that.
constexpr double kShareError = 1e-9;

}  // namespace

bool may_eject(std::span<const EndpointState> states, size_t endpoint, double max_ejected) {
  const auto out = std::count_if(states.begin(), states.end(), is_out);
  const double share = std::floor(max_ejected * static_cast<double>(states.size()) + kShareError);
  if (static_cast<double>(out) >= std::max(share, 1.0)) return false;
  for (size_t i = 0; i < states.size(); ++i) {
    if (i != endpoint && states[i] == EndpointState::healthy) return true;
  }
  return false;
}

}  // namespace tidegate::policy
