// Why a request gets no picture, as the error response describes it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace tidegate::optimizer {

// 4xx: an error of the client. 5xx: an error of this service.
struct Refusal {
  uint16_t status = 500;
  const char* reason = "internal_error";  // a constant, for programs
  std::string detail;                     // a sentence, for people
  std::string cause = {};                 // the error of the image library; for the log only
};

inline Refusal bad_request(std::string detail) { return {400, "bad_request", std::move(detail)}; }

// The value, or the refusal.
template <typename T>
using Expected = std::variant<T, Refusal>;

}  // namespace tidegate::optimizer
