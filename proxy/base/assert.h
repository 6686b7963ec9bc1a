// Assertions that hold in release builds too: an impossible state ends the process at once, with its location,
// rather than going on with a broken promise.
#pragma once

namespace tidegate {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace tidegate

#define TG_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::tidegate::assertion_failed(#condition, __FILE__, __LINE__))
