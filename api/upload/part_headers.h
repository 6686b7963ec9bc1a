// The headers of one part, and the parameters in such headers and in Content-Type. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/upload/multipart.h"

namespace tidegate::api {

// "form-data; name=\"image\"; filename=x" -> the value and its parameters, with names in lower case.
struct ParameterizedValue {
  std::string value;  // in lower case
  std::vector<std::pair<std::string, std::string>> parameters;

  const std::string* find(std::string_view name) const;
};

// Nothing on a syntax error: an empty value, a duplicate name, an unterminated quote.
std::optional<ParameterizedValue> parse_parameters(std::string_view text);

// `lines`: each with its CRLF, without the empty line at the end.
Complaint parse_part_headers(std::string_view lines, PartHeaders* headers);

}  // namespace tidegate::api
