// The body of every error response that Tidegate makes itself: application/problem+json (RFC 9457).
//
//   {"type":"about:blank","title":"Service
//   Unavailable","status":503,"detail":"…","instance":"…","reason":"breaker_open"}
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace tidegate::http {

inline constexpr std::string_view kProblemContentType = "application/problem+json";

struct Problem {
  uint16_t status = 500;
  std::string_view reason;    // the outcome word; an extension member
  std::string_view detail;    // one sentence for a person; left out when empty
  std::string_view instance;  // the request id; left out when empty
  std::string_view title;     // empty: the standard phrase of the status
  std::string_view type = "about:blank";
};

// A further member whose value is JSON already: {"retry_after", "12"}.
using ProblemExtra = std::pair<std::string_view, std::string_view>;

std::string problem_json(const Problem& problem, std::initializer_list<ProblemExtra> extras = {});

}  // namespace tidegate::http
