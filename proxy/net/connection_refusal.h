// Why a connection is refused by us: a configured limit is reached, or the process has no file descriptors left. A
// label of metrics, and a word of the log.
#pragma once

#include <cstdint>

namespace tidegate::net {

enum class ConnectionRefusal : uint8_t { limit, descriptors };
inline constexpr int kConnectionRefusals = 2;

inline const char* to_string(ConnectionRefusal why) {
  switch (why) {
    case ConnectionRefusal::limit: return "limit";
    case ConnectionRefusal::descriptors: return "descriptors";
  }
  return "unknown";
}

}  // namespace tidegate::net
