// What GET /metrics tells, in Prometheus' text format (version 0.0.4).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/time.h"

namespace tidegate::api {

class UploadStats {
 public:
  // The outcomes that an operator waits for are there at 0: a rate sees the first one.
  UploadStats();

  // `outcome`: one of the constant words of the log.
  void count(const char* outcome, Duration took);

  struct Gauges {
    uint64_t flights = 0;
    uint64_t picture_bytes = 0;
    uint64_t cache_bytes = 0;
  };
  std::string to_text(const Gauges& gauges) const;

 private:
  struct Series {
    uint64_t count = 0;
    Duration took{};
  };
  std::map<std::string, Series, std::less<>> by_outcome_;
};

}  // namespace tidegate::api
