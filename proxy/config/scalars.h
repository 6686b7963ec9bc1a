// The small languages of single values: numbers, durations, sizes, rates. Pure; an error's message is a whole sentence
// about the text ("`30` has no unit; write `30s`").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tidegate::config {

// Decimal digits, perhaps after a minus. A leading zero is refused: YAML 1.1 would read 010 as 8.
Result<int64_t> parse_integer(std::string_view text);

// "0.6", "2": digits, perhaps a point and digits. No sign, no exponent.
Result<double> parse_number(std::string_view text);

// "30s", "100ms", "1h30m": whole numbers with the units h, m, s, ms, each at most once and from large to small. At most
// kDurationMax.
Result<Duration> parse_duration(std::string_view text);
inline constexpr Duration kDurationMax = std::chrono::hours(24 * 366);

// "10MiB": a whole number and B, KiB, MiB, GiB or TiB. At most 1024 TiB.
Result<uint64_t> parse_size(std::string_view text);

// "10/s", "5/m", "100/60s": so many in such a time.
struct Rate {
  uint32_t count = 0;  // 1 to 1000000000
  Duration window{};   // > 0
  double per_second() const { return count / to_seconds(window); }
};
Result<Rate> parse_rate(std::string_view text);

// The shortest spelling that parses back: "1h30m", "32KiB".
std::string show_duration(Duration duration);
std::string show_size(uint64_t bytes);

// The candidate that `word` was probably meant to be: few edits away (insert, delete, change, swap of neighbours), the
// nearest first.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// "; did you mean `x`?", or "; one of: a, b, c".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace tidegate::config
