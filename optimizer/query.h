// The query of a request's target, decoded, and the options of a watermark in it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "optimizer/watermark.h"

namespace tidegate::optimizer {

// "text=a%20b&quality=80" -> names and values. A plus sign is a space, as forms write it. Refusals (400): a percent
// sign without two hexadecimal digits, a name that comes twice.
class Query {
 public:
  static Answer<Query> parse(std::string_view query);

  std::optional<std::string_view> find(std::string_view name) const;
  // The first name that is not in `known`.
  std::optional<std::string_view> first_unknown(std::initializer_list<std::string_view> known) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// A whole decimal number from `min` to `max`; nothing otherwise.
std::optional<int> parse_int(std::string_view text, int min, int max);

// text (required), position, max_width, quality, format, opacity ("0.5" or "50%"). Anything else, and any value out of
// its range, is refused (400) with the name and what it may be.
Answer<WatermarkOptions> parse_options(const Query& query);

}  // namespace tidegate::optimizer
