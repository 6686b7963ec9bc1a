// A look-up for a thread that has no loop (a store's own), and may block.
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"

namespace tidegate::net {

// As Runtime::resolve, but blocks: for `bound` at most, whatever the name server does. Errors: also timeout.
Result<std::vector<IpAddress>> resolve_within(const std::string& host, Duration bound);

}  // namespace tidegate::net
