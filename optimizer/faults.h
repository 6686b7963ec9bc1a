// Faults on demand, for demonstrations and tests of what stands before this service: never on by themselves.
//
//   none    answers as it should
//   slow    waits `delay` before it begins to work
//   error   answers `status` instead of working
//   hang    takes the request and never answers
//   down    closes every connection without an answer, /health too, but never /fault
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "optimizer/query.h"
#include "optimizer/refusal.h"

namespace tidegate::optimizer {

enum class FaultMode { none, slow, error, hang, down };

struct Fault {
  FaultMode mode = FaultMode::none;
  Duration delay = 2s;    // of slow: 1 ms to 10 min
  uint16_t status = 503;  // of error: 400 to 599
};

// "none", "slow", "slow:2000" (milliseconds), "error", "error:500", "hang", "down". Refusals: 400.
Answer<Fault> parse_fault(std::string_view text);

// "?mode=slow&ms=2000", "?mode=error&status=500" … Refusals: 400.
Answer<Fault> fault_from_query(const Query& query);

// {"mode":"slow","ms":2000}
std::string to_json(const Fault& fault);

}  // namespace tidegate::optimizer
