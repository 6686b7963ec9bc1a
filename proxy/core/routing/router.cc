#include "core/routing/router.h"

#include <algorithm>

#include "base/host_name.h"

namespace tidegate::core {

namespace {

bool host_and_path_match(const config::Match& match, const http::RequestHead& head) {
  if (!match.host.empty() && !http::iequals(match.host, without_final_dot(without_port(head.authority)))) return false;
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
