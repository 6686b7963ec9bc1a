// A reply of the server as values (RESP2).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidegate::redis {

struct Reply {
  enum class Kind : uint8_t { nil, integer, text, error, array } kind = Kind::nil;  // text: status or bulk string
  int64_t integer = 0;
  std::string text;  // Kind::text, Kind::error
  std::vector<Reply> items;

  bool is_nil() const { return kind == Kind::nil; }
  bool is_error() const { return kind == Kind::error; }
};

}  // namespace tidegate::redis
