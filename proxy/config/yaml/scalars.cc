#include "config/yaml/scalars.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "config/yaml/diagnostics.h"

namespace tidegate::config {

namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};
constexpr Unit kDurationUnits[] = {
    {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000}, {"ms", 1'000'000}};
constexpr Unit kSizeUnits[] = {
    {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1}};
constexpr uint64_t kSizeMax = 1ull << 50;
constexpr uint64_t kRateCountMax = 1'000'000'000;

Error wrong(std::string_view text, std::string_view why) {
  return {ErrorCode::invalid, fmt::format("{} {}", shown(text), why)};
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Removes the leading digits from `text` and returns them.
std::string_view take_digits(std::string_view& text) {
  const size_t length = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

// Removes everything before the next digit from `text` and returns it.
std::string_view take_word(std::string_view& text) {
  const size_t length = static_cast<size_t>(std::find_if(text.begin(), text.end(), is_digit) - text.begin());
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

std::optional<uint64_t> to_whole(std::string_view digits) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

bool has_leading_zero(std::string_view digits) { return digits.size() > 1 && digits.front() == '0'; }

// The duration that a number without a unit means; a large one is more likely in milliseconds.
std::string with_unit(std::string_view digits) {
  return digits.size() < 3 ? fmt::format("`{}s`", digits) : fmt::format("`{0}ms` or `{0}s`", digits);
}

template <size_t N>
std::string show(uint64_t value, const Unit (&units)[N], bool largest_only) {
  std::string out;
  for (const Unit& unit : units) {
    if (value < unit.factor || (largest_only && value % unit.factor != 0)) continue;
    out += fmt::format("{}{}", value / unit.factor, unit.name);
    value %= unit.factor;
  }
  return out;
}

// idle_tunnel: tunnel, idle
std::vector<std::string_view> sorted_words(std::string_view name) {
  std::vector<std::string_view> words;
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('_', at), name.size());
    words.push_back(name.substr(at, end - at));
    at = end + 1;
  }
  std::sort(words.begin(), words.end());
  return words;
}

int edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the Wagner-Fischer table (1974); a swap of neighbours is one edit.
  std::vector<int> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

}  // namespace

Result<int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || !is_digit(digits.front()) || end != digits.data() + digits.size()) {
    return wrong(text, "is not a whole number");
  }
  if (error != std::errc()) return wrong(text, "is too large");
  if (has_leading_zero(digits)) {
    return wrong(text, fmt::format("has a leading zero; write `{}`", negative ? -value : value));
  }
  return negative ? -value : value;
}

Result<double> parse_number(std::string_view text) {
  std::string_view rest = text;
  const std::string_view whole = take_digits(rest);
  const bool point = rest.starts_with('.');
  if (point) rest.remove_prefix(1);
  const std::string_view fraction = take_digits(rest);
  if (whole.empty() || (point && fraction.empty()) || !rest.empty() || text.size() > 20) {
    return wrong(text, "is not a number such as `0.5`");
  }
  if (has_leading_zero(whole)) return wrong(text, "has a leading zero");
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

Result<Duration> parse_duration(std::string_view text) {
  constexpr uint64_t kMax = static_cast<uint64_t>(kDurationMax.count());
  std::string_view rest = text;
  uint64_t total = 0;
  const Unit* last = nullptr;
  do {
    const std::string_view digits = take_digits(rest);
    const std::string_view name = take_word(rest);
    if (digits.empty()) return wrong(text, "is not a duration such as `30s`");
    if (name.empty() && last == nullptr) return wrong(text, "has no unit; write " + with_unit(digits));
    const Unit* unit = std::find_if(std::begin(kDurationUnits), std::end(kDurationUnits),
                                    [&](const Unit& each) { return each.name == name; });
    if (unit == std::end(kDurationUnits)) return wrong(text, "is not a duration such as `30s`; units are h, m, s, ms");
    if (last != nullptr && unit <= last) return wrong(text, "is not a duration: write large units first, each once");
    const auto count = to_whole(digits);
    if (!count || *count > (kMax - total) / unit->factor) return wrong(text, "is longer than a year");
    total += *count * unit->factor;
    last = unit;
  } while (!rest.empty());
  return Duration(static_cast<int64_t>(total));
}

Result<uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  const std::string_view digits = take_digits(rest);
  if (digits.empty()) return wrong(text, "is not a size such as `10MiB`");
  if (rest.empty()) {
    const char* const meant = digits.size() < 5 ? "MiB" : "B";  // a large number is more likely one of bytes
    return wrong(text, fmt::format("has no unit; write `{}{}` or another of B, KiB, MiB, GiB, TiB", digits, meant));
  }
  for (const Unit& unit : kSizeUnits) {
    if (unit.name != rest) continue;
    const auto count = to_whole(digits);
    if (!count || *count > kSizeMax / unit.factor) return wrong(text, "is larger than 1024TiB");
    return *count * unit.factor;
  }
  return wrong(text, "is not a size such as `10MiB`; units are B, KiB, MiB, GiB, TiB");
}

Result<uint64_t> parse_byte_rate(std::string_view text) {
  constexpr std::string_view kPerSecond = "/s";
  if (!text.ends_with(kPerSecond)) return wrong(text, "is not a rate such as `1KiB/s`");
  const auto size = parse_size(text.substr(0, text.size() - kPerSecond.size()));
  if (!size) return wrong(text, "is not a rate such as `1KiB/s`; units are B, KiB, MiB, GiB, TiB");
  return size;
}

Result<Rate> parse_rate(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return wrong(text, "is not a rate such as `10/s` or `100/60s`");
  const auto count = to_whole(text.substr(0, slash));
  if (!count || *count == 0 || *count > kRateCountMax) {
    return wrong(text, "is not a rate such as `10/s`: the count must be a whole number from 1 to 1000000000");
  }
  std::string period(text.substr(slash + 1));
  if (!period.empty() && !is_digit(period.front())) period.insert(0, 1, '1');  // "/s" is "/1s"
  const auto duration = parse_duration(period);
  if (!duration || *duration == Duration::zero()) {
    return wrong(text, "is not a rate such as `10/s`: after the / write h, m, s, ms or a duration such as `60s`");
  }
  return Rate{static_cast<uint32_t>(*count), *duration};
}

Result<std::string> parse_name(std::string_view text) {
  const auto is_allowed = [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == '.';
  };
  if (text.empty() || text.size() > 64 || !std::all_of(text.begin(), text.end(), is_allowed)) {
    return wrong(text, "is not a valid name: use 1 to 64 of the characters A-Z a-z 0-9 _ - .");
  }
  return std::string(text);
}

std::string show_duration(Duration duration) {
  return duration < 1ms ? "0s" : show(static_cast<uint64_t>(duration.count()), kDurationUnits, false);
}

std::string show_size(uint64_t bytes) { return bytes == 0 ? "0B" : show(bytes, kSizeUnits, true); }

std::optional<std::string_view> nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > 64) return std::nullopt;
  std::optional<std::string_view> best;
  int best_distance = word.size() < 4 ? 1 : static_cast<int>(word.size()) / 3 + 1;
  const std::vector<std::string_view> words = sorted_words(word);
  for (const std::string_view candidate : candidates) {
    if (candidate.size() == word.size() && sorted_words(candidate) == words) return candidate;
    const int distance = edit_distance(word, candidate);
    if (distance > best_distance || (best && distance == best_distance)) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (const auto meant = nearest(word, candidates)) return fmt::format("; did you mean `{}`?", *meant);
  return candidates.empty() ? "" : fmt::format("; one of: {}", fmt::join(candidates, ", "));
}

}  // namespace tidegate::config
