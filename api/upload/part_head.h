// The head of one part, and the parameters that such heads and Content-Type carry. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/upload/multipart.h"

namespace tidegate::api {

// "form-data; name=\"image\"; filename=x" -> the value and its parameters, names in lower case.
struct ParameterizedValue {
  std::string value;  // in lower case
  std::vector<std::pair<std::string, std::string>> parameters;

  const std::string* find(std::string_view name) const;
};

// Nothing where it breaks the grammar: an empty value, a name twice, an open quote.
std::optional<ParameterizedValue> parse_parameters(std::string_view text);

// The lines of a head, each ending with CRLF, the empty line not among them.
Complaint parse_part_head(std::string_view lines, PartHead* head);

}  // namespace tidegate::api
