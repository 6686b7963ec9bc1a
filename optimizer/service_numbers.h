// What GET /metrics tells of the service, in Prometheus' text format. A value that the service fills when it is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace tidegate::optimizer {

struct ServiceNumbers {
  uint64_t pictures = 0;  // that have been worked on, whatever came of it
  Duration working{};     // what they took together, from a body's end to its picture
  size_t load = 0;        // waiting or being worked on
  int workers = 0;
  size_t queue_max = 0;
  uint64_t bodies_bytes = 0;
};

std::string to_exposition(const ServiceNumbers& numbers);

}  // namespace tidegate::optimizer
