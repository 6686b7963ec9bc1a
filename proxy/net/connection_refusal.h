// Why a connection is refused by us: a configured limit is reached, what the kernel gives a process is used up, or
// certificates of ours cannot be read. A label of metrics, and a word of the log.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"

namespace tidegate::net {

enum class ConnectionRefusal : uint8_t {
  limit,
  descriptors,  // or the kernel's memory for a socket
  ports,        // every local port to that address is in use; of outgoing connections
  tls_files,    // none of ours can be used; likewise
};
inline constexpr int kConnectionRefusals = 4;

inline const char* to_string(ConnectionRefusal why) {
  switch (why) {
    case ConnectionRefusal::limit: return "limit";
    case ConnectionRefusal::descriptors: return "descriptors";
    case ConnectionRefusal::ports: return "ports";
    case ConnectionRefusal::tls_files: return "tls_files";
  }
  return "unknown";
}

// Of a connect or resolve that failed with `error`; none: not by us, and it may tell of the other side.
inline std::optional<ConnectionRefusal> refusal_of(const Error& error) {
  if (error.code == ErrorCode::exhausted) return ConnectionRefusal::descriptors;
  if (error.code == ErrorCode::conflict) return ConnectionRefusal::ports;
  if (error.code == ErrorCode::invalid) return ConnectionRefusal::tls_files;
  return std::nullopt;
}

}  // namespace tidegate::net
