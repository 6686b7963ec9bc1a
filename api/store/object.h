// What the stores and caches keep: bytes with their content type.
#pragma once

#include <memory>
#include <string>

namespace tidegate::api {

struct Object {
  std::string content_type;
  std::string bytes;
};
using ObjectPtr = std::shared_ptr<const Object>;

}  // namespace tidegate::api
