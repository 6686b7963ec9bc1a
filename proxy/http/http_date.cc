#include "http/http_date.h"

#include <cstdio>

namespace tidegate::http {

std::string http_date(WallTime time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  const auto unix_time = sys_time<nanoseconds>(time.time_since_epoch());
  const auto day = floor<days>(unix_time);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<seconds>(unix_time - day));
  char text[64];
  const int size =
      std::snprintf(text, sizeof(text), "%s, %02u %s %04d %02d:%02d:%02d GMT", kDays[weekday(day).c_encoding()],
                    static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                    static_cast<int>(date.year()), static_cast<int>(clock.hours().count()),
                    static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return std::string(text, static_cast<size_t>(size));
}

}  // namespace tidegate::http
