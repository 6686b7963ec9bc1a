#include "policy/endpoints/endpoint_choice.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/random.h"

namespace tidegate::policy {

namespace {

// h healthy, u unavailable, e ejected, U unhealthy.
std::vector<EndpointState> states_of(std::string_view letters) {
  std::vector<EndpointState> states;
  for (const char letter : letters) {
    states.push_back(letter == 'h'   ? EndpointState::healthy
                     : letter == 'u' ? EndpointState::unavailable
                     : letter == 'e' ? EndpointState::ejected
                                     : EndpointState::unhealthy);
  }
  return states;
}

size_t choose(const std::vector<EndpointCandidate>& candidates, Balance balance) {
  size_t best = 0;
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (is_better(candidates[i], candidates[best], balance)) best = i;
  }
  return best;
}

}  // namespace

TEST_CASE("of two endpoints the better is chosen, in this order") {
  constexpr auto healthy = EndpointState::healthy;
  // Each row is better than those below, however busy it is.
  constexpr auto ejected = EndpointState::ejected;
  constexpr auto unhealthy = EndpointState::unhealthy;
  const std::vector<EndpointCandidate> rows = {
      {healthy, false, false},  {healthy, false, true},     // this request has failed there
      {ejected, false, false},                              // it responds, if with failures
      {ejected, false, true},   {healthy, true, false},     // a connect has just failed
      {healthy, true, true},    {unhealthy, false, false},  // comes last, but comes
      {unhealthy, false, true}, {ejected, true, false},    {unhealthy, true, true},
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = i + 1; j < rows.size(); ++j) {
      for (const Balance balance : {Balance::least_requests, Balance::round_robin}) {
        EndpointCandidate better = rows[i];
        better.requests = 1000;
        better.turns = 1000;
        CHECK(is_better(better, rows[j], balance));
        CHECK_FALSE(is_better(rows[j], better, balance));
      }
    }
  }
}

TEST_CASE("an unavailable endpoint is as good as a healthy one once a moment has passed since it failed") {
  const EndpointCandidate unavailable{EndpointState::unavailable, false, false};
  CHECK(rank_of(unavailable) == rank_of({}));
}

TEST_CASE("the breaker's probe goes to an unavailable endpoint only where none is healthy or at least responds") {
  EndpointCandidate unavailable{EndpointState::unavailable};
  unavailable.for_probe = true;
  for (const EndpointState state : {EndpointState::healthy, EndpointState::ejected}) {
    EndpointCandidate busy{state};
    busy.for_probe = true;
    busy.requests = busy.turns = 1000;
    CHECK(is_better(busy, unavailable, Balance::least_requests));
    CHECK_FALSE(is_better(unavailable, busy, Balance::round_robin));
  }
  EndpointCandidate unhealthy{EndpointState::unhealthy};
  unhealthy.for_probe = true;
  CHECK(is_better(unavailable, unhealthy, Balance::round_robin));
}

TEST_CASE("equal endpoints: least_requests goes by requests, then turns; round_robin by turns, which count round") {
  EndpointCandidate busy, idle;
  busy.requests = 2;
  busy.turns = 5;
  idle.requests = 1;
  idle.turns = 6;
  CHECK(is_better(idle, busy, Balance::least_requests));
  CHECK(is_better(busy, idle, Balance::round_robin));
  idle.requests = 2;
  CHECK(is_better(busy, idle, Balance::least_requests));
  idle.turns = 5;
  CHECK_FALSE(is_better(busy, idle, Balance::least_requests));
  CHECK_FALSE(is_better(idle, busy, Balance::least_requests));
  busy.turns = 0xffffffff;
  idle.turns = 0;  // the next after it
  CHECK(is_better(busy, idle, Balance::round_robin));
  CHECK_FALSE(is_better(idle, busy, Balance::round_robin));
}

TEST_CASE("an ejection leaves a healthy endpoint and keeps to max_ejected, rounded down, but one may always be") {
  struct Row {
    const char* states;  // of which the first is due
    double max_ejected;
    bool may;
  };
  for (const Row& row : {
           Row{"h", 1.0, false},          Row{"hh", 0.5, true},
           Row{"hh", 0.01, true},         Row{"he", 1.0, false},
           Row{"hU", 1.0, false},         Row{"hu", 1.0, false},   // what is left does not respond
           Row{"uh", 0.5, true},          Row{"hhe", 0.5, false},  // one of three
           Row{"hhe", 0.67, true},        Row{"hhee", 0.5, false},
           Row{"hhee", 0.74, false},      Row{"hhee", 0.75, true},
           Row{"heee", 1.0, false},       Row{"hhU", 0.5, false},  // one that is unhealthy is out as well
           Row{"hhU", 0.67, true},        Row{"hhUe", 0.5, false},
           Row{"hhUh", 0.5, true},        Row{"hheeeeeehh", 0.7, true},  // 7 of 10, which a double does not hold
           Row{"hheeeeeeeh", 0.7, false},
       }) {
    CAPTURE(row.states);
    CAPTURE(row.max_ejected);
    CHECK(may_eject(states_of(row.states), 0, row.max_ejected) == row.may);
  }
}

TEST_CASE("whatever the states and however many are ejected, a choice is made, and never out while another is not") {
  Random random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<EndpointCandidate> candidates(1 + random.below(5));
    std::vector<EndpointState> states;
    for (EndpointCandidate& each : candidates) {
      each = {static_cast<EndpointState>(random.below(4)), random.chance(0.3), random.chance(0.2),
              static_cast<uint32_t>(random.below(3)), static_cast<uint32_t>(random.below(3))};
      states.push_back(each.state);
    }
    const Balance balance = random.chance(0.5) ? Balance::least_requests : Balance::round_robin;
    const EndpointState chosen = states[choose(candidates, balance)];
    const bool any_healthy = std::any_of(candidates.begin(), candidates.end(), [](const EndpointCandidate& each) {
      return each.state == EndpointState::healthy && !each.just_failed;
    });
    CHECK_FALSE((any_healthy && is_out(chosen)));
    const size_t due = random.below(states.size());
    if (is_out(states[due]) || !may_eject(states, due, random.uniform())) continue;
    states[due] = EndpointState::ejected;
    CHECK(std::count(states.begin(), states.end(), EndpointState::healthy) > 0);
  }
}

}  // namespace tidegate::policy
