#include "base/result.h"

namespace tidegate {

const char* to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::refused: return "refused";
    case ErrorCode::timeout: return "timeout";
    case ErrorCode::reset: return "reset";
    case ErrorCode::not_found: return "not_found";
    case ErrorCode::exhausted: return "exhausted";
    case ErrorCode::conflict: return "conflict";
    case ErrorCode::invalid: return "invalid";
    case ErrorCode::unavailable: return "unavailable";
    case ErrorCode::io: return "io";
    case ErrorCode::cancelled: return "cancelled";
  }
  return "unknown";
}

}  // namespace tidegate
