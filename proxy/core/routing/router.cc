#include "core/routing/router.h"

#include <algorithm>

namespace tidegate::core {

namespace {

std::string_view without_port(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const bool in_brackets = authority.find(']', colon == std::string_view::npos ? 0 : colon) != std::string_view::npos;
  return colon == std::string_view::npos || in_brackets ? authority : authority.substr(0, colon);
}

bool host_and_path_match(const config::Match& match, const http::RequestHead& head) {
  if (!match.host.empty() && !http::iequals(match.host, without_port(head.authority))) return false;
  return match.prefix ? head.path.starts_with(match.path) : head.path == match.path;
}

bool method_matches(const config::Match& match, std::string_view method) {
  return match.methods.empty() || std::find(match.methods.begin(), match.methods.end(), method) != match.methods.end();
}

}  // namespace

RouteMatch match_route(const config::Listener& listener, const http::RequestHead& head) {
  std::string allow;
  for (size_t i = 0; i < listener.routes.size(); ++i) {
    const config::Match& match = listener.routes[i].match;
    if (!host_and_path_match(match, head)) continue;
    if (method_matches(match, head.method)) return i;
    for (const std::string& method : match.methods) allow += (allow.empty() ? "" : ", ") + method;
  }
  if (allow.empty()) return NoRoute{};
  return WrongMethod{std::move(allow)};
}

}  // namespace tidegate::core
