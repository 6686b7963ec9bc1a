#include "base/time.h"

#include <ctime>

#include <fmt/format.h>

namespace tidegate {

std::string to_rfc3339(WallTime time) {
  const auto ms_total = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  int64_t seconds = ms_total / 1000;
  int64_t ms = ms_total % 1000;
  if (ms < 0) {
    ms += 1000;
    --seconds;
  }
  const std::time_t when = static_cast<std::time_t>(seconds);
  std::tm utc{};
  gmtime_r(&when, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec, ms);
}

}  // namespace tidegate
