// The Prefer fields of a request (RFC 7240): what a client would like, and no server needs to do.
#pragma once

#include <cstdint>
#include <optional>

#include "http/message/head.h"

namespace tidegate::http {

struct Preferences {
  bool respond_async = false;
  std::optional<int64_t> wait_s;  // 0 to kWaitMax
  static constexpr int64_t kWaitMax = 86'400;
};

// Of a preference given more than once the first counts (RFC 7240 section 2). What is not understood is ignored, and a
// `wait` that is no number with it.
Preferences preferences_of(const Fields& fields);

}  // namespace tidegate::http
