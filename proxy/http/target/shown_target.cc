#include "http/target/shown_target.h"

#include <algorithm>

namespace tidegate::http {

namespace {

constexpr size_t kNameBytesMax = 40;

bool is_name(std::string_view text) {
  constexpr std::string_view kChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-[]";
  return !text.empty() && text.size() <= kNameBytesMax && text.find_first_not_of(kChars) == std::string_view::npos;
}

void append_shown(std::string& out, std::string_view piece) {
  const size_t end = piece.find('=');
  const bool has_value = end != std::string_view::npos && piece.find_first_not_of('=', end) != std::string_view::npos;
  out += has_value && is_name(piece.substr(0, end)) ? piece.substr(0, end) : "*";
  if (end != std::string_view::npos) out += '=';
}

}  // namespace

std::string shown_target(std::string_view target, ShownQuery query) {
  const size_t mark = target.find('?');
  if (query == ShownQuery::full || mark == std::string_view::npos) return std::string(target);
  std::string shown(target.substr(0, mark));
  if (query == ShownQuery::off) return shown;
  char before = '?';
  for (std::string_view rest = target.substr(mark + 1); !rest.empty(); before = '&') {
    const std::string_view piece = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), piece.size() + 1));
    shown += before;
    append_shown(shown, piece);
  }
  return shown;
}

}  // namespace tidegate::http
