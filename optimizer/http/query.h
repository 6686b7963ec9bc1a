// Decodes the query of a request target, and reads the options of a watermark from it. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "optimizer/image/watermark.h"

namespace tidegate::optimizer {

// The names and values of "text=a%20b&quality=80". A plus sign is a space, as in forms. Refusals (400): a percent sign
// without two hexadecimal digits, a duplicate name.
class Query {
 public:
  static Expected<Query> parse(std::string_view query);

  std::optional<std::string_view> find(std::string_view name) const;
  // The first name that is not in `known`.
  std::optional<std::string_view> first_unknown(std::initializer_list<std::string_view> known) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

// An integer from `min` to `max`; nothing: anything else.
std::optional<int> parse_int(std::string_view text, int min, int max);

// text (required), position, max_width, quality, format, opacity ("0.5" or "50%"). Refusals (400): an unknown name, a
// value out of range; the sentence names the parameter and its allowed values.
Expected<WatermarkOptions> parse_options(const Query& query);

}  // namespace tidegate::optimizer
