// Names of hosts, as URLs and Host fields write them.
#pragma once

#include <string_view>

namespace tidegate {

// "host" of "host:8080", "[::1]" of "[::1]:8080".
constexpr std::string_view without_port(std::string_view authority) {
  const size_t colon = authority.rfind(':');
  const bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  return has_port ? authority.substr(0, colon) : authority;
}

// The dot at the end of an absolute name is for its look-up, and no part of the host's name.
constexpr std::string_view without_final_dot(std::string_view name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

}  // namespace tidegate
