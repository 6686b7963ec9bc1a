#include "base/assert.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/log/output.h"

namespace tidegate {

void assertion_failed(const char* condition, const char* file, int line) {
  log_last_words(fmt::format("{}:{}: assertion failed: {}", file, line, condition));
  std::abort();
}

}  // namespace tidegate
