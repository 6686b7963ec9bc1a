// Simulated faults, for demonstrations and tests of the proxy. None is active by default.
//
//   none    works normally
//   slow    waits `delay` before it processes the image
//   error   responds with `status`
//   hang    accepts the request and never responds
//   down    closes every connection without a response, including /health but not /fault
//
// With a text, only requests to draw that text meet the fault, as if their image were bad; not with down.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "optimizer/http/query.h"
#include "optimizer/image/refusal.h"

namespace tidegate::optimizer {

enum class FaultMode { none, slow, error, hang, down };

struct Fault {
  FaultMode mode = FaultMode::none;
  Duration delay = 2s;    // of slow: 1 ms to 10 min
  uint16_t status = 503;  // of error: 400 to 599
  std::string text = {};  // "": all requests

  bool meets(const std::string& drawn) const { return text.empty() || text == drawn; }
};

// "none", "slow", "slow:2000" (milliseconds), "error", "error:500", "hang", "down". Refusals: 400.
Expected<Fault> parse_fault(std::string_view text);

// "?mode=slow&ms=2000", "?mode=error&status=500&text=bad" … Refusals: 400.
Expected<Fault> fault_from_query(const Query& query);

// {"mode":"slow","ms":2000}
std::string to_json(const Fault& fault);

}  // namespace tidegate::optimizer
