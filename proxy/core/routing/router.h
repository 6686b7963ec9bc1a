// Which route a request takes: the first of the listener's that matches.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "config/config.h"
#include "http/message/head.h"

namespace tidegate::core {

struct NoRoute {};
// A route matches but for the method; `allow` is the list for the Allow field.
struct WrongMethod {
  std::string allow;
};
using RouteMatch = std::variant<size_t, NoRoute, WrongMethod>;

// The index into listener.routes.
RouteMatch match_route(const config::Listener& listener, const http::RequestHead& head);

}  // namespace tidegate::core
