// Why a request gets no picture, in the terms of the answer it gets.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace tidegate::optimizer {

// 4xx: the client's doing. 5xx: ours.
struct Refusal {
  uint16_t status = 500;
  const char* reason = "internal_error";  // a constant word for programs
  std::string detail;                     // one sentence for people
  std::string cause = {};                 // what the image library said; for the log, never for the client
};

inline Refusal bad_request(std::string detail) { return {400, "bad_request", std::move(detail)}; }

// The value, or the refusal that stands in its place.
template <typename T>
using Answer = std::variant<T, Refusal>;

}  // namespace tidegate::optimizer
