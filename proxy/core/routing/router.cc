#include "core/routing/router.h"

#include <algorithm>

namespace tidegate::core {

namespace {

// Without the port, nor the dot at the end of an absolute name: it is the same host.
std::string_view host_of(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const bool in_brackets = authority.find(']', colon == std::string_view::npos ? 0 : colon) != std::string_view::npos;
  std::string_view host = colon == std::string_view::npos || in_brackets ? authority : authority.substr(0, colon);
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool host_and_path_match(const config::Match& match, const http::RequestHead& head) {
  if (!match.host.empty() && !http::iequals(match.host, host_of(head.authority))) return false;
  return match.prefix ? head.path.starts_with(match.path) : head.path == match.path;
}

// TRACE shows a client what its service and its proxies have added: only a route that lists it allows it.
bool method_matches(const config::Match& match, std::string_view method) {
  if (match.methods.empty()) return method != "TRACE";
  return std::find(match.methods.begin(), match.methods.end(), method) != match.methods.end();
}

void allow(std::string& list, std::string_view method) {
  if (http::list_contains(list, method)) return;
  list.append(list.empty() ? "" : ", ").append(method);
}

void allow_methods_of(const config::Match& match, std::string& list) {
  for (const std::string& method : match.methods) allow(list, method);
  if (!match.methods.empty()) return;
  for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) allow(list, method);
}

}  // namespace

RouteMatch match_route(const config::Listener& listener, const http::RequestHead& head) {
  std::string allowed;
  for (size_t i = 0; i < listener.routes.size(); ++i) {
    const config::Match& match = listener.routes[i].match;
    if (!host_and_path_match(match, head)) continue;
    if (method_matches(match, head.method)) return i;
    allow_methods_of(match, allowed);
  }
  if (allowed.empty()) return NoRoute{};
  return WrongMethod{std::move(allowed)};
}

}  // namespace tidegate::core
