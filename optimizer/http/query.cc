#include "optimizer/http/query.h"

#include <algorithm>
#include <charconv>

#include "http/message/chars.h"
#include "optimizer/image/text.h"

namespace tidegate::optimizer {

namespace {

std::optional<std::string> decode_component(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size() || !http::is_hex_digit(text[i + 1]) || !http::is_hex_digit(text[i + 2]))
      return std::nullopt;
    out += static_cast<char>(http::hex_value(text[i + 1]) << 4 | http::hex_value(text[i + 2]));
    i += 2;
  }
  return out;
}

// A value for an error message: short, and printable ASCII.
std::string shown(std::string_view text) {
  constexpr size_t kShownMax = 32;
  std::string out;
  for (const char c : text.substr(0, kShownMax)) out += c > 0x20 && c < 0x7F ? c : '?';
  return "\"" + out + (text.size() > kShownMax ? "…\"" : "\"");
}

// "0.5" or "50%".
std::optional<double> parse_share(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return percent ? value / 100 : value;
}

// Each sets its options, or returns the error of the first invalid one.
std::optional<Refusal> set_numbers(const Query& query, WatermarkOptions* options) {
  if (const auto value = query.find("max_width")) {
    options->max_width = parse_int(*value, kMaxWidthMin, kSideMax);
    if (!options->max_width) return bad_request("max_width must be a whole number from 16 to 16384.");
  }
  if (const auto value = query.find("quality")) {
    const auto quality = parse_int(*value, 1, 100);
    if (!quality) return bad_request("quality must be a whole number from 1 to 100.");
    options->quality = *quality;
  }
  if (const auto value = query.find("opacity")) {
    options->opacity = parse_share(*value);
    if (!options->opacity || !(*options->opacity >= kOpacityMin && *options->opacity <= 1)) {
      return bad_request("opacity must be a number from 0.05 to 1, or from 5% to 100%.");
    }
  }
  return std::nullopt;
}

std::optional<Refusal> set_words(const Query& query, WatermarkOptions* options) {
  if (const auto value = query.find("position")) {
    const auto position = parse_position(*value);
    if (!position) {
      return bad_request("position " + shown(*value) +
                         " is unknown; use top-left, top-right, bottom-left, bottom-right, center or tiled.");
    }
    options->position = *position;
  }
  if (const auto value = query.find("format")) {
    options->format = parse_format(*value);
    if (!options->format) return bad_request("format " + shown(*value) + " is unknown; use jpeg, png or webp.");
  }
  return std::nullopt;
}

}  // namespace

Expected<Query> Query::parse(std::string_view query) {
  Query result;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = decode_component(pair.substr(0, equals));
    auto value = decode_component(pair.substr(std::min(pair.size(), equals + 1)));
    if (!name || !value) return bad_request("The query has a percent sign without two hexadecimal digits.");
    if (result.find(*name)) return bad_request("The query has " + shown(*name) + " twice.");
    result.values_.emplace_back(std::move(*name), std::move(*value));
  }
  return result;
}

std::optional<std::string_view> Query::find(std::string_view name) const {
  for (const auto& [known, value] : values_) {
    if (known == name) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Query::first_unknown(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : values_) {
    if (std::find(known.begin(), known.end(), name) == known.end()) return name;
  }
  return std::nullopt;
}

std::optional<int> parse_int(std::string_view text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max) return std::nullopt;
  return value;
}

Expected<WatermarkOptions> parse_options(const Query& query) {
  if (const auto name = query.first_unknown({"text", "position", "max_width", "quality", "format", "opacity"})) {
    return bad_request("The query has " + shown(*name) +
                       ", which is unknown; allowed are text, position, max_width, quality, format and opacity.");
  }
  WatermarkOptions options;
  auto text = check_text(query.find("text").value_or(""));
  if (auto* refusal = std::get_if<Refusal>(&text)) return *refusal;
  options.text = std::move(std::get<std::string>(text));
  if (auto refusal = set_words(query, &options)) return *refusal;
  if (auto refusal = set_numbers(query, &options)) return *refusal;
  return options;
}

}  // namespace tidegate::optimizer
