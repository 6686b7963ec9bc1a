// The names of objects: "FOLDER/NAME" of [A-Za-z0-9._-], with no part beginning with a dot. They can be used in file
// paths and URLs unencoded.
#pragma once

#include <algorithm>
#include <string_view>

#include "http/message/chars.h"

namespace tidegate::api {

inline bool is_object_name(std::string_view name) {
  const auto is_plain = [](std::string_view part) {
    return !part.empty() && part.front() != '.' && std::all_of(part.begin(), part.end(), [](char c) {
      return http::is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
    });
  };
  const size_t slash = name.find('/');
  return slash != std::string_view::npos && is_plain(name.substr(0, slash)) && is_plain(name.substr(slash + 1));
}

}  // namespace tidegate::api
