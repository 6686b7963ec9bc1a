// Which endpoint of an upstream gets the next request, and whether one may be ejected. Pure.
//
// Turns: each choice takes a turn of the endpoint; the one with the fewest is next, and the others are raised to what
// it had (who is passed over loses its turn). So endpoints that get requests are never more than one turn apart,
// however many threads choose, and one that returns is not flooded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "policy/endpoints/endpoint_state.h"

namespace tidegate::policy {

enum class Balance : uint8_t { least_requests, round_robin };

// Turns count round.
constexpr bool is_before(uint32_t turns, uint32_t others) { return static_cast<int32_t>(turns - others) < 0; }

// An endpoint as a choice sees it.
struct EndpointCandidate {
  EndpointState state = EndpointState::healthy;
  bool just_failed = false;    // a connect to it has failed within the last moment
  bool failed_before = false;  // the request that is sent now has failed there
  uint32_t requests = 0;       // in flight
  uint32_t turns = 0;
  bool for_probe = false;  // … is the breaker's: what it finds decides for all endpoints
};

// The lower the better. One that is out comes last, but it comes: where all are (the panic rule), the choice is among
// all of them, since a request that may fail is better than one that must. One that has responded, if with failures, is
// better than one that could not be connected to a moment ago.
// A probe is not spent on one of which nobody knows whether it can be connected to again.
constexpr int rank_of(const EndpointCandidate& endpoint) {
  const bool unhealthy = endpoint.state == EndpointState::unhealthy;
  const bool ejected = endpoint.state == EndpointState::ejected;
  const bool is_doubtful = endpoint.for_probe && endpoint.state == EndpointState::unavailable;
  const int by_state = endpoint.just_failed ? (is_out(endpoint.state) ? 4 : 2)
                       : unhealthy          ? 3
                       : is_doubtful        ? 2
                       : ejected            ? 1
                                            : 0;
  return by_state * 2 + (endpoint.failed_before ? 1 : 0);
}

// Whether `one` is to be chosen rather than `other`; of equals the first is.
constexpr bool is_better(const EndpointCandidate& one, const EndpointCandidate& other, Balance balance) {
  if (rank_of(one) != rank_of(other)) return rank_of(one) < rank_of(other);
  if (balance == Balance::least_requests && one.requests != other.requests) return one.requests < other.requests;
  return is_before(one.turns, other.turns);
}

// Whether an endpoint that is due for it may be ejected. `states`: of all endpoints of the upstream. After it the share
// of those that are out, unhealthy ones too, is within `max_ejected`, rounded down, but one may always be; and another
// endpoint is healthy, so that one that responds is left.
bool may_eject(std::span<const EndpointState> states, size_t endpoint, double max_ejected);

}  // namespace tidegate::policy
