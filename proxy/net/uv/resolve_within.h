// A look-up for a thread that has no loop (a store's own), and may block.
#pragma once

#include <string>

#include "base/time.h"
#include "net/uv/lookup_threads.h"

namespace tidegate::net {

// As Runtime::resolve, but blocks: for `bound` at most, whatever the name server does. Needs no descriptor of its own.
// Errors: also timeout.
Result<Addresses> resolve_within(const std::string& host, Duration bound,
                                 LookupThreads& lookups = LookupThreads::of_process());

}  // namespace tidegate::net
