// Parsers of single values: numbers, durations, sizes, rates, names. Pure. Each error message is complete and quotes
// the text: "`30` has no unit; write `30s`".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tidegate::config {

// Decimal digits, optionally after a minus. Refuses a leading zero: YAML 1.1 reads 010 as 8.
Result<int64_t> parse_integer(std::string_view text);

// "0.6", "2": digits, optionally a point and more digits. No sign, no exponent.
Result<double> parse_number(std::string_view text);

// "30s", "100ms", "1h30m": whole numbers with the units h, m, s, ms, each at most once, from large to small. At most
// kDurationMax.
Result<Duration> parse_duration(std::string_view text);
inline constexpr Duration kDurationMax = std::chrono::hours(24 * 366);

// "10MiB": a whole number and B, KiB, MiB, GiB or TiB. At most 1024 TiB.
Result<uint64_t> parse_size(std::string_view text);

// "1KiB/s": a size a second; "0B/s" is none.
Result<uint64_t> parse_byte_rate(std::string_view text);

// "10/s", "5/m", "100/60s": a count per window.
struct Rate {
  uint32_t count = 0;  // 1 to 1000000000
  Duration window{};   // > 0
  double per_second() const { return count / to_seconds(window); }
};
Result<Rate> parse_rate(std::string_view text);

// A name that the operator chooses: 1 to 64 of A-Z a-z 0-9 _ - . (names become metric labels and parts of URLs).
Result<std::string> parse_name(std::string_view text);

// The shortest spelling that parses to the same value: "1h30m", "32KiB".
std::string show_duration(Duration duration);
std::string show_size(uint64_t bytes);

// The candidate closest to `word` by edits (insert, delete, change, swap of neighbours); none: no candidate is close.
std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates);

// "; did you mean `x`?", or "; one of: a, b, c".
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace tidegate::config
