#include "http/message/prefer.h"

#include <algorithm>
#include <utility>

#include "http/message/chars.h"

namespace tidegate::http {

namespace {

// Up to the next `separator` outside quotes; `rest` begins after it.
std::string_view take_until(std::string_view* rest, char separator) {
  bool quoted = false;
  for (size_t i = 0; i < rest->size(); ++i) {
    const char c = (*rest)[i];
    if (c == '\\' && quoted) {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == separator && !quoted) {
      const std::string_view taken = rest->substr(0, i);
      rest->remove_prefix(i + 1);
      return taken;
    }
  }
  return std::exchange(*rest, {});
}

std::optional<int64_t> whole_seconds(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  int64_t seconds = 0;
  for (const char c : text) seconds = std::min(seconds * 10 + (c - '0'), Preferences::kWaitMax);
  return seconds;
}

}  // namespace

Preferences preferences_of(const Fields& fields) {
  Preferences found;
  bool wait_seen = false;
  for (const Field& field : fields) {
    if (!iequals(field.name, "prefer")) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      std::string_view preference = take_until(&rest, ',');
      std::string_view value = take_until(&preference, ';');  // its parameters are ignored
      const std::string_view name = trim_ows(take_until(&value, '='));
      if (iequals(name, "respond-async")) found.respond_async = true;
      if (iequals(name, "wait") && !std::exchange(wait_seen, true)) found.wait_s = whole_seconds(trim_ows(value));
    }
  }
  return found;
}

}  // namespace tidegate::http
