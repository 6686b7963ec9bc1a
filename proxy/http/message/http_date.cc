#include "http/message/http_date.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>

namespace tidegate::http {

namespace {

constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr Duration kRetryAfterMax = std::chrono::hours(24);

struct DateParts {
  int year = 0, day = 0, hour = 0, minute = 0, second = 0;
  char month[4] = "";
};

// A year of two digits is of this century, unless that is far in the future (RFC 9110: more than 50 years).
int whole_year(int year) { return year < 70 ? 2000 + year : 1900 + year; }

bool scan(const char* text, DateParts* parts) {
  DateParts& p = *parts;
  int end = -1;
  std::sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &p.day, p.month, &p.year, &p.hour, &p.minute,
              &p.second, &end);
  if (end > 0 && text[end] == 0) return true;
  end = -1;
  std::sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n", &p.day, p.month, &p.year, &p.hour, &p.minute,
              &p.second, &end);
  if (end > 0 && text[end] == 0) {
    p.year = whole_year(p.year);
    return true;
  }
  end = -1;
  std::sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", p.month, &p.day, &p.hour, &p.minute, &p.second,
              &p.year, &end);
  return end > 0 && text[end] == 0;
}

}  // namespace

std::string http_date(WallTime time) {
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

std::optional<WallTime> parse_http_date(std::string_view text) {
  using namespace std::chrono;
  if (text.size() > 40) return std::nullopt;
  DateParts parts;
  if (!scan(std::string(text).c_str(), &parts)) return std::nullopt;
  const auto month = std::find_if(std::begin(kMonths), std::end(kMonths),
                                  [&](const char* name) { return std::string_view(name) == parts.month; });
  const auto number = static_cast<unsigned>(month - std::begin(kMonths)) + 1;
  const year_month_day date(year(parts.year), std::chrono::month(number), day(static_cast<unsigned>(parts.day)));
  // Nanoseconds since 1970 end in the year 2262.
  if (month == std::end(kMonths) || !date.ok() || parts.year < 1970 || parts.year > 2261) return std::nullopt;
  if (parts.hour < 0 || parts.hour > 23 || parts.minute < 0 || parts.minute > 59) return std::nullopt;
  if (parts.second < 0 || parts.second > 60) return std::nullopt;
  const nanoseconds since_epoch =
      sys_days(date).time_since_epoch() + hours(parts.hour) + minutes(parts.minute) + seconds(parts.second);
  return WallTime(since_epoch);
}

std::optional<Duration> parse_retry_after(std::string_view text, std::string_view date, WallTime now) {
  int64_t seconds = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, seconds);
  const bool all_digits = !text.empty() && end == last && text.front() != '-';
  if (all_digits && error == std::errc::result_out_of_range) return kRetryAfterMax;
  if (all_digits && error == std::errc()) return std::chrono::seconds(std::min<int64_t>(seconds, 86'400));
  const auto until = parse_http_date(text);
  if (!until) return std::nullopt;
  return std::clamp(Duration(*until - parse_http_date(date).value_or(now)), Duration(0), kRetryAfterMax);
}

std::optional<Duration> retry_after_of(const Fields& fields, WallTime now) {
  return parse_retry_after(fields.find("retry-after").value_or(""), fields.find("date").value_or(""), now);
}

}  // namespace tidegate::http
